from __future__ import annotations

import asyncio
import socket
import time
from urllib.parse import urlsplit

import aiohttp
import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from .clients import Client, ask, chat, talk
from .conftest import Start


def exchange(provider: LocalProvider, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send raw bytes, say that no more will come after the answer, and read all that comes."""
    port = urlsplit(provider.base_url).port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_requests_over_the_limit_get_429_with_a_time_that_is_right(start: Start) -> None:
    provider = start(rpm=600)

    async def conversation(client: Client) -> None:
        begun = time.monotonic()
        replies = await asyncio.gather(*(client.ask(chat(f"text {n}")) for n in range(60)))
        allowed = 10 * (1 + time.monotonic() - begun) + 1  # a second's worth, and the time it took
        refused = [reply for reply in replies if reply.status == 429]
        assert 10 <= len(replies) - len(refused) <= allowed
        assert refused
        assert {reply.code for reply in refused} == {"rate_limit_exceeded"}
        assert replies[0].headers["x-ratelimit-limit-requests"] == "600"
        await asyncio.sleep(max(float(reply.headers["retry-after"]) for reply in refused))
        assert (await client.ask(chat("once more"))).status == 200

    talk(provider.base_url, conversation)
    stats = provider.stats()
    assert stats["throttled"] == stats["by_status"]["429"]


def test_a_client_that_paces_itself_is_never_refused(start: Start) -> None:
    provider = start(rpm=1200)

    async def conversation(client: Client) -> None:
        begun = time.monotonic()

        async def send(number: int) -> None:
            await asyncio.sleep(begun + number / 20 - time.monotonic())
            assert (await client.ask(chat(f"text {number}"))).status == 200

        await asyncio.gather(*(send(number) for number in range(60)))

    talk(provider.base_url, conversation)
    assert provider.stats()["throttled"] == 0


def test_tokens_over_the_limit_are_throttled_by_name(start: Start) -> None:
    provider = start(tpm=6_000)
    replies = [ask(provider.base_url, chat("word " * 200)) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 429, 429]
    assert "tokens per min" in replies[1].body["error"]["message"]
    assert replies[1].headers["x-ratelimit-remaining-tokens"] == "0"


def test_latency_is_added_to_every_answer_and_does_not_queue(start: Start) -> None:
    provider = start(latency_ms=200)

    async def conversation(client: Client) -> float:
        begun = time.monotonic()
        await asyncio.gather(*(client.ask(chat(f"text {n}")) for n in range(50)))
        return time.monotonic() - begun

    assert 0.2 <= talk(provider.base_url, conversation) < 5
    assert provider.stats()["max_in_flight"] > 10


def test_reset_counts_anew(stub: LocalProvider) -> None:
    ask(stub.base_url, chat("hi"))
    assert stub.stats()["calls"] == 1
    stub.reset_stats()
    stats = stub.stats()
    assert (stats["calls"], stats["answers"], stats["items"]) == (0, 0, {})


def test_an_outage_answers_503_until_it_is_ended(start: Start) -> None:
    provider = start()
    provider.outage(True)
    assert ask(provider.base_url, chat("hi")).status == 503
    assert talk(provider.base_url, lambda client: client.send("GET", "/models")).status == 503
    provider.outage(False)
    assert ask(provider.base_url, chat("hi")).status == 200
    assert provider.stats()["by_status"] == {"503": 1, "200": 1}


def test_an_outage_of_the_socket_refuses_connections_and_ends_by_itself(start: Start) -> None:
    provider = start()
    provider.outage(0.5, how="refuse")

    async def conversation(client: Client) -> int:
        refused = 0
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                reply = await client.ask(chat("hi"))
            except aiohttp.ClientConnectorError:
                refused += 1
            except aiohttp.ClientError:
                pass
            else:
                if refused:
                    assert reply.status == 200
                    break
            await asyncio.sleep(0.02)
        return refused

    assert talk(provider.base_url, conversation) > 0


@pytest.mark.parametrize(
    "order", [b"", b"{}", b'{"down": "x"}', b'{"down": true, "how": "refuse"}', b"[]"]
)
def test_an_order_that_makes_no_sense_is_a_400(stub: LocalProvider, order: bytes) -> None:
    reply = talk(stub.base_url, lambda client: client.send("POST", "//control", data=order))
    assert (reply.status, reply.code) == (400, "invalid_control")


def test_health_and_unknown_paths(stub: LocalProvider) -> None:
    async def conversation(client: Client) -> list[int]:
        paths = ("//healthz", "//nowhere", "/nowhere")
        return [(await client.send("GET", path)).status for path in paths]

    assert talk(stub.base_url, conversation) == [200, 404, 404]


def test_a_page_that_resolves_its_own_name_to_loopback_is_turned_away(stub: LocalProvider) -> None:
    headers = {"host": "rebound.example"}
    reply = talk(stub.base_url, lambda client: client.send("GET", "//stats", headers=headers))
    assert (reply.status, reply.code) == (403, "forbidden_host")


def test_a_request_in_pieces_and_two_in_one_piece_are_all_answered(stub: LocalProvider) -> None:
    first = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    both = first + last
    assert exchange(stub, both).count(b"200 OK") == 2
    pieces = [both[at : at + 7] for at in range(0, len(both), 7)]
    assert exchange(stub, *pieces, pause=0.001).count(b"200 OK") == 2


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", b"411"),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * 70_000, b"431"),
    ],
)
def test_a_request_that_cannot_be_framed_is_answered_and_the_connection_closed(
    stub: LocalProvider, head: bytes, status: bytes
) -> None:
    assert exchange(stub, head).startswith(b"HTTP/1.1 " + status)
