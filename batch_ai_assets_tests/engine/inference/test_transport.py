"""The transport: what never left is told apart from what may have been billed.

Every sentence holds for both carriers.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from batch_ai_assets.engine import failpoints
from batch_ai_assets.engine.endpoint import Carrier, Endpoint
from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.inference import by_aiohttp, by_pyreqwest, event_loop, transport
from batch_ai_assets.engine.inference.transport import (
    Broken,
    Transport,
    Unreachable,
    open_transport,
)

from ..batch.recorder import GOOD, completion, recorder
from .wire import Served, Wire, answer, echo, reset, saying, silence, wire

Answer = tuple[int, Mapping[str, str], bytes]
T = TypeVar("T")

KEY, DOCUMENT, SAID = "sk-4711", b"the document's own words", b"what the model said"


@pytest.fixture(params=["aiohttp", "pyreqwest"])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    return cast(Carrier, request.param)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little time for a connection, and for a call that nobody waits for any more."""
    for module in (by_aiohttp, by_pyreqwest):
        monkeypatch.setattr(module, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(transport, "_LINGER_SECONDS", 0.5)


def using(
    carrier: Carrier,
    base_url: str,
    work: Callable[[Transport], Awaitable[T]],
    key: str | None = None,
    seconds: float = 30.0,
) -> T:
    async def run() -> T:
        async with open_transport(Endpoint(base_url, key, carrier), seconds) as opened:
            return await asyncio.wait_for(work(opened), 30)

    return event_loop.run(run())


def post(
    carrier: Carrier, base_url: str, key: str | None = None, body: bytes = b"{}"
) -> Answer:
    return using(carrier, base_url, lambda opened: opened.post(body), key)


def test_a_port_where_nothing_listens_is_unreachable(carrier: Carrier) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    with pytest.raises(Unreachable, match=r"Connect.*: Connection refused$"):
        post(carrier, f"http://127.0.0.1:{number}/v1")


def test_a_name_that_nobody_knows_is_unreachable(carrier: Carrier) -> None:
    with pytest.raises(Unreachable):
        post(carrier, "http://nobody.invalid/v1")


@pytest.mark.usefixtures("impatient")
def test_a_port_that_does_not_answer_the_knock_is_unreachable(carrier: Carrier) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # more than the kernel keeps waiting for a program that takes none
            knock = stack.enter_context(socket.socket())
            knock.setblocking(False)
            knock.connect_ex(listener.getsockname())
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        with pytest.raises(Unreachable, match="Timeout"):
            post(carrier, base_url)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + SAID,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n13\r\n" + SAID,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + SAID,
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 19\r\n\r\n" + SAID,
        b"HTTP/1.1 200 OK\r\n" + SAID + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        SAID + b"\r\n",
    ],
    ids=[
        "hung up", "cut short", "cut chunk", "bad chunk", "bad gzip", "bad header",
        "only promised", "another protocol",
    ],
)  # fmt: skip
@pytest.mark.parametrize("then", [None, reset], ids=["goodbye", "reset"])
def test_an_answer_that_breaks_off_may_have_been_billed(
    carrier: Carrier, said: bytes, then: Callable[..., None] | None
) -> None:
    with saying(said, then=then) as server, pytest.raises(Broken) as raised:
        post(carrier, server.base_url, KEY, DOCUMENT)
    assert server.requests[0] == DOCUMENT
    for secret in (KEY, DOCUMENT.decode(), SAID.decode(), "127.0.0.1"):
        assert secret not in str(raised.value)


def test_the_key_goes_along_and_is_not_shown(carrier: Carrier) -> None:
    with recorder(answer=lambda body: completion(GOOD)) as provider:
        status, _, body = post(carrier, provider.base_url, KEY)
        assert (status, b"card" in body) == (200, True)
        assert provider.headers[0]["Authorization"] == f"Bearer {KEY}"
        assert provider.headers[0]["Content-Type"] == "application/json"
    assert KEY not in repr(Endpoint("http://127.0.0.1/v1", KEY))


def test_without_a_key_no_authorization_is_sent(carrier: Carrier) -> None:
    with recorder() as provider:
        post(carrier, provider.base_url)
        assert "Authorization" not in provider.headers[0]


def test_a_redirect_is_handed_back_not_followed(carrier: Carrier) -> None:
    with echo() as elsewhere:
        away = answer(b"", f"location: {elsewhere.base_url}", status="307 Temporary Redirect")
        with saying(away) as server:
            assert post(carrier, server.base_url, KEY, DOCUMENT)[0] == 307
    assert not elsewhere.connections


def test_a_proxy_named_in_the_surroundings_sees_nothing(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with echo() as proxy, echo() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.base_url)
        assert post(carrier, server.base_url, body=DOCUMENT)[2] == DOCUMENT
    assert not proxy.connections


def test_what_is_said_before_the_answer_is_passed_over(carrier: Carrier) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    with saying(hints + answer(b"{}")) as server:
        assert post(carrier, server.base_url)[::2] == (200, b"{}")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_is_one(carrier: Carrier, status: int) -> None:
    with saying(f"HTTP/1.1 {status} Nothing\r\n\r\n".encode()) as server:
        assert post(carrier, server.base_url)[::2] == (status, b"")


def test_an_answer_may_end_with_its_connection(carrier: Carrier) -> None:
    with saying(b"HTTP/1.1 200 OK\r\n\r\n", b"{", b"}") as server:
        assert post(carrier, server.base_url)[::2] == (200, b"{}")


def test_a_packed_answer_is_unpacked(carrier: Carrier) -> None:
    with saying(answer(gzip.compress(SAID), "content-encoding: gzip")) as server:
        assert post(carrier, server.base_url)[2] == SAID


def test_a_huge_request_and_its_huge_answer_arrive_whole(carrier: Carrier) -> None:
    huge = bytes(range(256)) * (1 << 16)
    with echo() as server:
        assert post(carrier, server.base_url, body=huge)[2] == huge


def test_headers_are_found_in_any_case_beside_one_that_is_no_text(carrier: Carrier) -> None:
    said = answer(b"{}", "Retry-After: 3", "x-name: Zo\xeb", status="429 Too Many Requests")
    with saying(said) as server:
        status, headers, _ = post(carrier, server.base_url)
    assert (status, headers["Retry-After"], headers["retry-after"]) == (429, "3", "3")
    with pytest.raises(KeyError):
        headers["retry-after-ms"]


def test_calls_one_after_the_other_share_a_connection(carrier: Carrier) -> None:
    async def work(opened: Transport) -> None:
        for number in range(50):
            assert (await opened.post(b"%d" % number))[2] == b"%d" % number

    with echo() as server:
        using(carrier, server.base_url, work)
    assert server.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_replaced(carrier: Carrier) -> None:
    async def work(opened: Transport) -> None:
        for number in range(5):
            assert (await opened.post(b"%d" % number))[2] == b"%d" % number
            await asyncio.sleep(0.05)

    with echo(requests_each=1) as server:
        using(carrier, server.base_url, work)
    assert (server.connections, len(server.requests)) == (5, 5)


def test_many_calls_at_once_get_each_its_own_answer(carrier: Carrier) -> None:
    async def call(opened: Transport, number: int) -> bool:
        body = b"%d" % number * 50
        return (await opened.post(body))[2] == body

    async def work(opened: Transport) -> list[bool]:
        right: list[bool] = []
        for first in range(0, 1024, 256):
            calls = (call(opened, number) for number in range(first, first + 256))
            right += await asyncio.gather(*calls)
        return right

    with echo(seconds=0.02) as server:
        assert all(using(carrier, server.base_url, work))
    assert len(server.requests) == 1024
    assert 1 < server.connections <= 256


@pytest.mark.usefixtures("impatient")
def test_a_call_that_is_cancelled_hangs_up_and_leaves_the_others_alone(carrier: Carrier) -> None:
    def serve(here: Wire) -> Served:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (body := await here.request(reader)) is not None:
                if body == b"hang":
                    continue
                await asyncio.sleep(0.2)
                writer.write(answer(body))

        return one

    async def work(opened: Transport) -> bytes:
        hanging = asyncio.create_task(opened.post(b"hang"))
        other = asyncio.create_task(opened.post(b"other"))
        await asyncio.sleep(0.1)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        answered = await other
        assert await asyncio.to_thread(here.left.wait, 5)
        return answered[2]

    with wire(serve) as here:
        assert using(carrier, here.base_url, work, seconds=0.5) == b"other"


def test_the_limit_of_a_call_is_its_callers_to_keep(carrier: Carrier) -> None:
    async def work(opened: Transport) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(opened.post(b"{}"), 0.5)

    with silence() as server:
        using(carrier, server.base_url, work, seconds=0.2)


def test_a_call_cancelled_in_the_moment_of_its_answer_does_not_return(carrier: Carrier) -> None:
    async def work(opened: Transport) -> int:
        await opened.post(b"{}")
        cancelled = 0
        for _ in range(20):
            call = asyncio.create_task(opened.post(b"{}"))
            await asyncio.sleep(0.003)
            time.sleep(0.03)  # the answer is here by now, and the loop does not know of it
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            cancelled += 1
        return cancelled

    with echo(seconds=0.01) as server:
        assert using(carrier, server.base_url, work) == 20


def test_a_certificate_that_nobody_signed_is_refused_before_anything_is_sent(
    carrier: Carrier, tmp_path: Path
) -> None:
    def serve(here: Wire) -> Served:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await here.request(reader)

        return one

    with wire(serve, self_signed(tmp_path)) as server, pytest.raises(Unreachable):
        post(carrier, server.base_url, KEY, DOCUMENT)
    assert not server.requests


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_port_that_speaks_no_tls_is_unreachable_by_https(carrier: Carrier, said: bytes) -> None:
    def serve(here: Wire) -> Served:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            await asyncio.sleep(2)

        return one

    with wire(serve) as server:
        https = server.base_url.replace("http:", "https:")
        with pytest.raises(Unreachable):
            post(carrier, https, KEY, DOCUMENT)


END_AT_ONCE = """
import asyncio, sys
from batch_ai_assets.engine.endpoint import Endpoint
from batch_ai_assets.engine.inference import event_loop
from batch_ai_assets.engine.inference.transport import open_transport

async def run():
    async with open_transport(Endpoint(sys.argv[1], None, sys.argv[2]), 30.0) as opened:
        for _ in range(10):
            await asyncio.gather(*(opened.post(b"{}") for _ in range(64)))

event_loop.run(run())
"""


def test_a_process_may_end_right_after_its_last_call(carrier: Carrier) -> None:
    command = [sys.executable, "-c", END_AT_ONCE]
    with echo() as server:
        ends = [
            subprocess.run([*command, server.base_url, carrier], timeout=60).returncode
            for _ in range(8)
        ]
    assert ends == [0] * 8


def test_the_crash_point_after_sending_is_passed_once_for_each_call(carrier: Carrier) -> None:
    passed: list[str] = []
    failpoints.arm("after_send", lambda: passed.append("after_send"))
    try:
        with echo() as server:
            post(carrier, server.base_url)
            post(carrier, server.base_url)
    finally:
        failpoints.disarm_all()
    assert len(passed) == 2


def test_the_setting_says_who_carries(carrier: Carrier) -> None:
    found = open_transport(Endpoint("http://127.0.0.1:9/v1", None, carrier), 1.0)
    assert type(found).__name__.lower() == f"{carrier}transport"


def test_a_carrier_that_is_not_there_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    monkeypatch.delitem(sys.modules, "batch_ai_assets.engine.inference.by_pyreqwest", False)
    with pytest.raises(SpecError, match=r"pip install batch-ai-assets\[fast\]"):
        open_transport(Endpoint("http://127.0.0.1:9/v1", None, "pyreqwest"), 60.0)


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate for 127.0.0.1 that no authority knows."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
