"""The transport: what never left is told apart from what may have been billed."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from batch_ai_assets.engine.endpoint import Carrier, Endpoint
from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.inference.transport import Broken, Unreachable, open_transport
from batch_ai_assets.local_provider.process import LocalProvider

from ..batch.recorder import GOOD, completion, recorder
from ..world import stub


@pytest.fixture(params=["aiohttp", "pyreqwest"])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    """Both carriers keep the same promises."""
    return cast(Carrier, request.param)


def post(
    carrier: Carrier, base_url: str, key: str | None = None, times: int = 1
) -> tuple[int, dict[str, str], bytes]:
    """The last of some requests, one after the other, by one client."""

    async def ask() -> tuple[int, dict[str, str], bytes]:
        async with open_transport(Endpoint(base_url, key, carrier), 60.0) as transport:
            for _ in range(times):
                status, headers, body = await transport.post(b'{"messages": [{"content": "x"}]}')
            return status, dict(headers), body

    return asyncio.run(ask())


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


def question(text: str) -> bytes:
    return json.dumps({"model": "stub", "messages": [{"role": "user", "content": text}]}).encode()


def wait_for(server: LocalProvider, name: str, value: int) -> dict[str, Any]:
    for _ in range(200):
        if (stats := server.stats())[name] >= value:
            return stats
        time.sleep(0.05)
    raise AssertionError(f"{name} is {stats[name]}, not {value}")


@contextmanager
def counted(base_url: str) -> Iterator[tuple[str, list[object]]]:
    """A relay before `base_url`, and the connections that came to it."""
    host, number = base_url.removeprefix("http://").removesuffix("/v1").split(":")
    came: list[object] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, address = listener.accept()
                came.append(address)
                behind = socket.create_connection((host, int(number)))
                for pair in ((client, behind), (behind, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", came
    finally:
        listener.close()


@contextmanager
def tls_port(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A server with a certificate that nobody vouches for, and what was said to it."""
    certificate, key = folder / "own.pem", folder / "own.key"
    make_certificate(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as inside:
                if said := inside.recv(65536):
                    received.append(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1", received
    finally:
        thread.join(5)
        listener.close()


def make_certificate(certificate: Path, key: Path) -> None:
    """For 127.0.0.1, signed by itself, good for a day."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    key.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_a_port_where_nothing_listens_is_unreachable(carrier: Carrier) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="Connect"):
        post(carrier, f"http://127.0.0.1:{number}/v1")


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
def test_an_answer_that_breaks_off_may_have_been_billed(
    answer: bytes | None, carrier: Carrier
) -> None:
    with port(answer) as base_url, pytest.raises(Broken):
        post(carrier, base_url)


def test_the_key_goes_along_and_is_not_shown(carrier: Carrier) -> None:
    with recorder(answer=lambda body: completion(GOOD)) as provider:
        status, _, body = post(carrier, provider.base_url, "sk-4711")
        assert (status, b"card" in body) == (200, True)
        assert provider.headers[0]["Authorization"] == "Bearer sk-4711"
    assert "sk-4711" not in repr(Endpoint("http://127.0.0.1/v1", "sk-4711"))


def test_without_a_key_no_authorization_is_sent(carrier: Carrier) -> None:
    with recorder() as provider:
        post(carrier, provider.base_url)
        assert "Authorization" not in provider.headers[0]


def test_a_redirect_is_handed_back_not_followed(carrier: Carrier) -> None:
    away = {"Location": "http://127.0.0.1:9/elsewhere"}
    with recorder(answer=lambda body: (302, away, b"")) as provider:
        assert post(carrier, provider.base_url)[0] == 302


def test_one_connection_serves_call_after_call(carrier: Carrier) -> None:
    with stub() as server, counted(server.base_url) as (base_url, came):
        post(carrier, base_url, times=20)
        assert len(came) == 1


def test_what_is_cancelled_is_dropped_in_the_end_and_holds_nobody_up(carrier: Carrier) -> None:
    seconds = 1.0

    async def scene(base_url: str) -> int:
        async with open_transport(Endpoint(base_url, None, carrier), seconds) as transport:
            hanging = asyncio.create_task(transport.post(question("[[stub:hang]] never")))
            await asyncio.sleep(0.3)
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            return (await transport.post(question("at once")))[0]

    with stub() as server:
        assert asyncio.run(scene(server.base_url)) == 200
        stats = wait_for(server, "abandoned", 1)
        assert stats["in_flight"] == 0


def test_many_calls_are_in_flight_at_once(carrier: Carrier) -> None:
    seconds = 60.0

    async def scene(base_url: str) -> set[int]:
        async with open_transport(Endpoint(base_url, None, carrier), seconds) as transport:
            calls = (transport.post(question(f"number {number}")) for number in range(300))
            return {status for status, _, _ in await asyncio.gather(*calls)}

    with stub(latency_ms=500) as server:
        assert asyncio.run(scene(server.base_url)) == {200}
        assert server.stats()["max_in_flight"] > 200


def test_a_large_answer_comes_whole_and_a_packed_one_unpacked(carrier: Carrier) -> None:
    text = "x" * 5_000_000
    packed = gzip.compress(text.encode())
    plain = {"content-length": str(len(text))}
    zipped = {"content-length": str(len(packed)), "content-encoding": "gzip"}
    for headers, body in ((plain, text.encode()), (zipped, packed)):
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with port(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body) as base_url:
            assert post(carrier, base_url)[2] == text.encode()


def test_headers_are_found_whatever_their_case(carrier: Carrier) -> None:
    seconds = 60.0

    async def ask(base_url: str) -> tuple[str, str]:
        async with open_transport(Endpoint(base_url, None, carrier), seconds) as transport:
            _, headers, _ = await transport.post(b"{}")
            return headers["Retry-After"], headers["retry-after"]

    said = b"HTTP/1.1 429 No\r\nRETRY-AFTER: 7\r\ncontent-length: 0\r\n\r\n"
    with port(said) as base_url:
        assert asyncio.run(ask(base_url)) == ("7", "7")


def test_a_server_with_a_certificate_of_its_own_making_is_not_asked(
    carrier: Carrier, tmp_path: Path
) -> None:
    with tls_port(tmp_path) as (base_url, received), pytest.raises((Unreachable, Broken)):
        post(carrier, base_url, "sk-4711")
    assert received == []


def test_no_error_says_what_was_sent(carrier: Carrier) -> None:
    secret = "sk-4711"
    for answer in (None, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsecret"):
        with port(answer) as base_url, pytest.raises(Broken) as broken:
            post(carrier, base_url, secret)
        assert secret not in str(broken.value)
        assert "secret" not in str(broken.value)
        assert base_url not in str(broken.value)


def test_a_carrier_that_is_not_there_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    monkeypatch.delitem(sys.modules, "batch_ai_assets.engine.inference.by_pyreqwest", False)
    with pytest.raises(SpecError, match=r"pip install batch-ai-assets\[fast\]"):
        open_transport(Endpoint("http://127.0.0.1:9/v1", None, "pyreqwest"), 60.0)
