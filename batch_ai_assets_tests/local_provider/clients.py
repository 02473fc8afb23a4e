"""A small OpenAI client for these tests: bodies to send, and a session on a running server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import orjson

T = TypeVar("T")

LABELS = ["billing", "delivery", "other"]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": LABELS},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["label", "confidence"],
    "additionalProperties": False,
}
PACKED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answers": {
            "type": "array",
            "items": {
                **SCHEMA,
                "properties": {"id": {"type": "string"}, **SCHEMA["properties"]},
                "required": ["id", *SCHEMA["required"]],
            },
        }
    },
    "required": ["answers"],
    "additionalProperties": False,
}


def block(text: str, number: int | None = None) -> str:
    """A document as the engine delimits it."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    shown = "" if number is None else f' id="{number}"'
    return f"<document-{mark}{shown}>\n{text}\n</document-{mark}>"


def chat(content: str, schema: dict[str, Any] | None = SCHEMA, **more: Any) -> dict[str, Any]:
    """A chat request about one user message."""
    body: dict[str, Any] = {
        "model": "stub",
        "messages": [
            {"role": "system", "content": "Classify the message."},
            {"role": "user", "content": content},
        ],
        "max_tokens": 200,
    }
    if schema is not None:
        form = {"name": "job", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return {**body, **more}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def choice(self) -> dict[str, Any]:
        return dict(self.body["choices"][0])

    @property
    def answer(self) -> Any:
        return orjson.loads(self.choice["message"]["content"])

    @property
    def code(self) -> str | None:
        found: str | None = self.body["error"]["code"]
        return found


class Client:
    """Requests to one server; `base_url` ends in /v1."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self.session = session
        self.base_url = base_url

    async def ask(self, body: dict[str, Any] | bytes, **options: Any) -> Reply:
        """POST /v1/chat/completions."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.send("POST", "/chat/completions", data=data, **options)

    async def send(self, method: str, path: str, **options: Any) -> Reply:
        """Any request below /v1, or below the root with `path` starting with `//`."""
        root = self.base_url.removesuffix("/v1")
        url = root + path[1:] if path.startswith("//") else self.base_url + path
        async with self.session.request(method, url, **options) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, headers, orjson.loads(await response.read()))


def talk(base_url: str, conversation: Callable[[Client], Awaitable[T]]) -> T:
    """Run a conversation with the server at `base_url`, at most a minute of it."""

    async def run() -> T:
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await asyncio.wait_for(
                _as_coroutine(conversation(Client(session, base_url))), 60
            )

    return asyncio.run(run())


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


def ask(base_url: str, body: dict[str, Any] | bytes, **options: Any) -> Reply:
    """One chat request."""
    return talk(base_url, lambda client: client.ask(body, **options))
