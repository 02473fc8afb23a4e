"""The transport: what never left is told apart from what may have been billed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from batch_ai_assets.engine.endpoint import Endpoint
from batch_ai_assets.engine.inference.transport import AiohttpTransport, Broken, Unreachable

from ..batch.recorder import GOOD, completion, recorder


def post(base_url: str, key: str | None = None) -> tuple[int, dict[str, str], bytes]:
    async def once() -> tuple[int, dict[str, str], bytes]:
        async with AiohttpTransport(Endpoint(base_url, key)) as transport:
            status, headers, body = await transport.post(b'{"messages": [{"content": "x"}]}')
            return status, dict(headers), body

    return asyncio.run(once())


@contextmanager
def port(answer: bytes | None) -> Iterator[str]:
    """Takes one connection, reads the request, says `answer` or nothing, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            if answer is not None:
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        thread.join(5)
        listener.close()


def test_a_port_where_nothing_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="ConnectorError"):
        post(f"http://127.0.0.1:{number}/v1")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["hang up", "cut short", "another protocol", "bad gzip", "bad chunk"],
)
def test_an_answer_that_breaks_off_may_have_been_billed(answer: bytes | None) -> None:
    with port(answer) as base_url, pytest.raises(Broken):
        post(base_url)


def test_the_key_goes_along_and_is_not_shown() -> None:
    with recorder(answer=lambda body: completion(GOOD)) as provider:
        status, _, body = post(provider.base_url, "sk-4711")
        assert (status, b"card" in body) == (200, True)
        assert provider.headers[0]["Authorization"] == "Bearer sk-4711"
    assert "sk-4711" not in repr(Endpoint("http://127.0.0.1/v1", "sk-4711"))


def test_without_a_key_no_authorization_is_sent() -> None:
    with recorder() as provider:
        post(provider.base_url)
        assert "Authorization" not in provider.headers[0]


def test_a_redirect_is_handed_back_not_followed() -> None:
    away = {"Location": "http://127.0.0.1:9/elsewhere"}
    with recorder(answer=lambda body: (302, away, b"")) as provider:
        assert post(provider.base_url)[0] == 302
