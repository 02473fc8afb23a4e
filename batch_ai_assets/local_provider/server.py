"""The server: a listening socket on loopback, its paths, and outages on request.

    POST /v1/chat/completions   see `chat`
    GET  /v1/models[/ID]        what is served
    GET  /stats[?items=false]   see `stats`
    POST /stats/reset           count anew (scripts and rates of the fault plan go on)
    POST /control               {"down": true | false | seconds, "how": "503" | "refuse"}
    GET  /healthz               {"status": "ok"}

An outage lasts until it is ended or at most 600 seconds. `503` (the default) answers /v1/ with
503; `refuse` closes the socket, so that connections are refused, and needs a number of seconds,
because /control cannot be reached either.

Here: socket and paths. Not here: a chat call's way (`chat`), HTTP framing (`connection`).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable

import orjson

from .chat import ChatEndpoint
from .connection import BadHead, Connection, Head
from .options import ServerOptions
from .stats import Stats
from .wire import encode_error, encode_model, encode_models

MAX_OUTAGE_SECONDS = 600.0
_PARENT_POLL_SECONDS = 0.5


class LocalServer:
    """An OpenAI-compatible server on 127.0.0.1."""

    def __init__(self, options: ServerOptions, loop: asyncio.AbstractEventLoop) -> None:
        self.stats = Stats()
        self.chat = ChatEndpoint(options, self.stats, loop)
        self._options = options
        self._loop = loop
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._outage: asyncio.TimerHandle | None = None
        # Bound but never listening: keeps the port ours while an outage has the listener closed.
        self._port_keeper = socket.socket()
        self._port_keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port_keeper.bind(("127.0.0.1", options.port))
        self.port: int = self._port_keeper.getsockname()[1]

    @property
    def base_url(self) -> str:
        """What an OpenAI client is told."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def listen(self) -> None:
        """Take connections."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self._server = await self._loop.create_server(
            lambda: Connection(self), sock=listener, backlog=4096
        )

    def close(self) -> None:
        """Stop listening, drop every connection, let the worker threads end."""
        self._close_listener()
        self._port_keeper.close()
        self.chat.close()

    def _close_listener(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self._connections):
            connection.drop()

    # What a connection calls.

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def unframed(self, connection: Connection, error: BadHead) -> None:
        connection.reply(error.status, encode_error(error.status, str(error)))

    def request(self, connection: Connection, head: Head, body: bytes) -> None:
        path = head.path
        if not _is_loopback(head.host):
            message = "this server answers requests to 127.0.0.1 only"
            connection.reply(403, encode_error(403, message, "forbidden_host"))
        elif path == "/v1/chat/completions" and head.method == "POST":
            self._chat(connection, head, body)
        elif path.startswith("/v1/"):
            self._reply_models(connection, head)
        else:
            self._reply_own(connection, head, body)

    def _chat(self, connection: Connection, head: Head, body: bytes) -> None:
        if self._outage is not None:
            self.chat.turn_away(connection, *_OUTAGE)
        elif not self.chat.authorised(head.bearer):
            self.chat.turn_away(connection, *_WRONG_KEY)
        else:
            self.chat.call(connection, body)

    def _reply_models(self, connection: Connection, head: Head) -> None:
        models = self._options.models
        name = head.path.removeprefix("/v1/models/")
        if self._outage is not None:
            connection.reply(*_OUTAGE)
        elif not self.chat.authorised(head.bearer):
            connection.reply(*_WRONG_KEY)
        elif head.method != "GET" or not head.path.startswith("/v1/models"):
            connection.reply(404, encode_error(404, "there is no such path", "unknown_url"))
        elif head.path == "/v1/models":
            connection.reply(200, encode_models(models))
        elif name in models:
            connection.reply(200, encode_model(name))
        else:
            message = f"The model `{name[:100]}` does not exist"
            connection.reply(404, encode_error(404, message, "model_not_found"))

    def _reply_own(self, connection: Connection, head: Head, body: bytes) -> None:
        match (head.method, head.path):
            case ("GET", "/healthz"):
                connection.reply(200, b'{"status":"ok"}')
            case ("GET", "/stats"):
                report = self.stats.report(items="items=false" not in head.query)
                connection.reply(200, orjson.dumps(report))
            case ("POST", "/stats/reset"):
                self.stats.reset()
                connection.reply(200, b'{"reset":true}')
            case ("POST", "/control"):
                self._control(connection, body)
            case _:
                connection.reply(404, encode_error(404, "there is no such path", "unknown_url"))

    # Outages.

    def _control(self, connection: Connection, body: bytes) -> None:
        try:
            order = orjson.loads(body)
            down, how = order["down"], order.get("how", "503")
            seconds = MAX_OUTAGE_SECONDS if down is True else min(float(down), MAX_OUTAGE_SECONDS)
            if how not in ("503", "refuse") or (how == "refuse" and down is True):
                raise ValueError(how)
        except (ValueError, KeyError, TypeError, AttributeError):
            message = (
                'send {"down": true | false | seconds, "how": "503" | "refuse"}; '
                "refuse needs a number of seconds"
            )
            connection.reply(400, encode_error(400, message, "invalid_control"))
            return
        self._end_outage()
        connection.reply(200, orjson.dumps({"down_seconds": max(0.0, seconds), "how": how}))
        if seconds > 0:
            self._outage = self._loop.call_later(seconds, self._end_outage)
            if how == "refuse":
                # Once this reply has been read.
                self._loop.call_later(0.05, self._close_listener)

    def _end_outage(self) -> None:
        if self._outage is not None:
            self._outage.cancel()
            self._outage = None
        if self._server is None:
            self._reopening = self._loop.create_task(self.listen())


_OUTAGE = (503, encode_error(503, "The service is down for now; try again later."))
_WRONG_KEY = (401, encode_error(401, "Incorrect API key provided.", "invalid_api_key"))


def _is_loopback(host: str) -> bool:
    # A page in a browser that was talked into resolving its own name to 127.0.0.1 sends that name.
    return host.startswith(("127.0.0.1", "localhost")) or not host


async def _serve(
    options: ServerOptions, announce: Callable[[str], None], parent: int | None
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    server = LocalServer(options, loop)
    try:
        if options.model != "all":  # what was named must work; of `all`, what is asked for
            await asyncio.to_thread(server.chat.load)
        await server.listen()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        gc.freeze()
        ready = {"base_url": server.base_url, "pid": os.getpid(), "models": options.models}
        announce(orjson.dumps(ready).decode())
        while not stop.is_set() and parent in (None, os.getppid()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PARENT_POLL_SECONDS if parent else None)
    finally:
        server.close()


def serve(
    options: ServerOptions, announce: Callable[[str], None], *, parent: int | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, or until the process `parent` is no longer the parent.

    `announce` gets one line of JSON with `base_url`, `pid` and `models` once connections are
    taken. Raises ProviderError where a model cannot be loaded, OSError where the port is taken.
    """
    asyncio.run(_serve(options, announce, parent))
