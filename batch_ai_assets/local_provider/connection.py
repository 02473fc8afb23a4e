"""HTTP/1.1 on a socket: bytes to a request, a reply to bytes, one request at a time.

A protocol of its own rather than a web framework, because this server is what the client's CPU
is measured against and must not be the slower side: with the stub behind it, a request costs half
the CPU that it costs with aiohttp.web. Known: keep-alive, pipelining, `Content-Length`,
`Expect: 100-continue`.
Refused by name: chunked request bodies (411), heads over 64 KiB (431), bodies over 64 MiB (413).

Here: framing, and noticing that a client has gone. Not here: what a request means (see `server`).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
_LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Head:
    """The request line and the headers that matter here."""

    method: str
    path: str
    query: str
    host: str
    bearer: str | None
    length: int
    keep_alive: bool
    expects_continue: bool


class BadHead(Exception):  # noqa: N818 - what is wrong with a request, told to its sender
    """A request that cannot be framed, with the status to answer before closing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


# A keep-alive client sends the same head again and again, but for its Content-Length.
@lru_cache(maxsize=8192)
def parse_head(raw: bytes) -> Head:
    """Read a head, without its final blank line. Raises BadHead."""
    try:
        first, *lines = raw.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = {n.strip().lower(): v.strip() for n, v in (line.split(":", 1) for line in lines)}
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise BadHead(400, "the request head is not HTTP/1.1") from error
    if "transfer-encoding" in headers:
        raise BadHead(411, "send the body with a Content-Length, not chunked")
    if not 0 <= length <= MAX_BODY_BYTES:
        raise BadHead(413, f"the body is over {MAX_BODY_BYTES} bytes")
    path, _, query = target.partition("?")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    connection = headers.get("connection", "").lower()
    return Head(
        method,
        path,
        query,
        headers.get("host", ""),
        token.strip() if scheme.lower() == "bearer" else None,
        length,
        connection != "close" and (version == "HTTP/1.1" or connection == "keep-alive"),
        headers.get("expect", "").lower() == "100-continue",
    )


class Application(Protocol):
    """What a connection needs of the server behind it."""

    def opened(self, connection: Connection) -> None: ...
    def closed(self, connection: Connection) -> None: ...
    def request(self, connection: Connection, head: Head, body: bytes) -> None: ...
    def unframed(self, connection: Connection, error: BadHead) -> None: ...


class Connection(asyncio.Protocol):
    """One client's connection. `request` is answered by one `reply`, `cut` or `drop`."""

    __slots__ = ("_app", "_buffer", "_busy", "_keep_alive", "_needed", "_transport", "on_left")

    def __init__(self, app: Application) -> None:
        self._app = app
        self._buffer = bytearray()
        self._needed = 0
        self._busy = False
        self._keep_alive = True
        self._transport: asyncio.Transport | None = None
        self.on_left: Callable[[], None] | None = None
        """Called if the client goes away before the request at hand is answered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._app.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._app.closed(self)
        if self.on_left is not None:
            left, self.on_left = self.on_left, None
            left()

    def data_received(self, data: bytes) -> None:
        if not self._buffer and not self._busy:
            self._consume(data)
            return
        self._buffer += data
        if len(self._buffer) > MAX_BODY_BYTES + MAX_HEAD_BYTES:
            self.drop()
        elif not self._busy and len(self._buffer) >= self._needed:
            self._consume_buffer()

    def reply(self, status: int, body: bytes, headers: bytes = b"") -> bool:
        """Answer the request at hand; False where the client has gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        transport.write(
            b"%b%bcontent-length: %d\r\n\r\n%b" % (_status_line(status), headers, len(body), body)
        )
        self._done()
        return True

    def cut(self, body: bytes) -> None:
        """Begin a 200 answer, then reset the connection (RST) in its middle."""
        if self._transport is not None:
            head = b"%bcontent-length: %d\r\n\r\n" % (_status_line(200), len(body))
            self._transport.write(head + body[: len(body) // 2])
            self.drop()

    def drop(self) -> None:
        """Reset the connection without a word."""
        self.on_left = None
        if self._transport is not None:
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self._transport.abort()

    def _done(self) -> None:
        self.on_left = None
        self._busy = False
        if not self._keep_alive and self._transport is not None:
            self._transport.close()
        elif self._buffer and len(self._buffer) >= self._needed:
            asyncio.get_running_loop().call_soon(self._consume_buffer)

    def _consume_buffer(self) -> None:
        if self._buffer and not self._busy and self._transport is not None:
            data = bytes(self._buffer)
            self._buffer.clear()
            self._consume(data)

    def _consume(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0 and len(data) <= MAX_HEAD_BYTES:
            self._keep(data, len(data) + 1)
            return
        try:
            if end < 0 or end > MAX_HEAD_BYTES:
                raise BadHead(431, f"the request head is over {MAX_HEAD_BYTES} bytes")
            head = parse_head(data[:end])
        except BadHead as error:
            self._keep_alive = False
            self._app.unframed(self, error)
            return
        stop = end + 4 + head.length
        if len(data) < stop:
            if head.expects_continue and len(data) == end + 4 and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._keep(data, stop)
            return
        if len(data) > stop:
            self._keep(data[stop:], 1)
        self._busy, self._keep_alive = True, head.keep_alive
        self._app.request(self, head, data[end + 4 : stop])

    def _keep(self, data: bytes, needed: int) -> None:
        self._buffer += data
        self._needed = needed


@lru_cache(maxsize=64)
def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\n".encode()
