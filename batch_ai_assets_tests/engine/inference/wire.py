"""A server that says exactly the bytes it is told to, on loopback, and counts its connections."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Served = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@dataclass
class Wire:
    """What came in."""

    base_url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    """The body of each request."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set once the other side has hung up."""

    async def request(self, reader: StreamReader) -> bytes | None:
        """The body of the next request of a connection; None where there is no more."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (IncompleteReadError, ConnectionError):
            self.left.set()
            return None
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.requests.append(body)
        return body


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers])
    return head.encode("latin-1") + b"\r\n\r\n" + body


def reset(writer: StreamWriter) -> None:
    """Hang up with a reset instead of a goodbye."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def wire(serve: Callable[[Wire], Served], tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Serve every connection by `serve(wire)` while the block runs."""
    found, loop, ready = Wire(), asyncio.new_event_loop(), threading.Event()
    served = serve(found)

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        found.connections += 1
        with suppress(ConnectionError):
            await served(reader, writer)
        writer.close()

    async def open_port() -> asyncio.Server:
        return await asyncio.start_server(
            connected, "127.0.0.1", 0, ssl=tls, limit=1 << 26, backlog=1024
        )

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda *_: None)  # broken connections are what is tested
        server = loop.run_until_complete(open_port())
        scheme = "https" if tls else "http"
        found.base_url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        ready.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))

    thread = threading.Thread(target=run, name="wire", daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def saying(*parts: bytes, then: Callable[[StreamWriter], None] | None = None) -> Iterator[Wire]:
    """Reads one request of each connection, says `parts`, and hangs up."""

    def serve(here: Wire) -> Served:
        async def one(reader: StreamReader, writer: StreamWriter) -> None:
            await here.request(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)
            if then is not None:
                then(writer)

        return one

    with wire(serve) as here:
        yield here


@contextmanager
def echo(seconds: float = 0.0, requests_each: int = 1_000_000) -> Iterator[Wire]:
    """Answers each request with its own body, and hangs up after `requests_each` of them."""

    def serve(here: Wire) -> Served:
        async def one(reader: StreamReader, writer: StreamWriter) -> None:
            for _ in range(requests_each):
                if (body := await here.request(reader)) is None:
                    return
                await asyncio.sleep(seconds)
                writer.write(answer(body))
                await writer.drain()

        return one

    with wire(serve) as here:
        yield here


@contextmanager
def silence() -> Iterator[Wire]:
    """Takes every request and never answers."""

    def serve(here: Wire) -> Served:
        async def one(reader: StreamReader, writer: StreamWriter) -> None:
            while await here.request(reader) is not None:
                pass

        return one

    with wire(serve) as here:
        yield here
