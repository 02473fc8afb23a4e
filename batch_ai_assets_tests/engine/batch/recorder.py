"""A provider that keeps every request and answers as a test tells it. On loopback, in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from ..world import World, world

Answer = tuple[int, Mapping[str, str], bytes]

GOOD = {"topic": "card", "urgent": False}


def completion(content: Any, **changes: Any) -> Answer:
    """A chat completion that says `content` (text, or an object to be written as JSON)."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        **changes,
    }
    return 200, {}, json.dumps(body).encode()


@dataclass
class Recorder:
    """What came in, and what is answered."""

    answer: Callable[[dict[str, Any]], Answer] = lambda body: completion(GOOD)
    models: Answer = (404, {}, b"{}")
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    base_url: str = ""

    async def chat(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.bodies.append(raw)
        self.headers.append(dict(request.headers))
        return _response(self.answer(json.loads(raw)))

    async def list_models(self, request: web.Request) -> web.Response:
        return _response(self.models)

    @property
    def documents(self) -> list[str]:
        """The last message of every request."""
        return [json.loads(body)["messages"][-1]["content"] for body in self.bodies]


def _response(answer: Answer) -> web.Response:
    status, headers, body = answer
    return web.Response(status=status, headers=headers, body=body, content_type="application/json")


@contextmanager
def recorder(**settings: Any) -> Iterator[Recorder]:
    """Serve a Recorder while the block runs."""
    served = Recorder(**settings)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> web.AppRunner:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", served.chat)
        app.router.add_get("/v1/models", served.list_models)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        served.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=run, name="recorder", daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def recorded(home: Path, **settings: Any) -> Iterator[tuple[World, Recorder]]:
    """A world below `home` whose provider is a Recorder."""
    with recorder(**settings) as provider, world(home, provider.base_url) as here:
        yield here, provider
