"""The stub's prompt cache: the beginnings it has seen, in OpenAI's steps, and what /stats says."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from .clients import Client, ask, block, chat, talk
from .conftest import Start


def asked(system: str, text: str, **more: Any) -> dict[str, Any]:
    """A request whose instructions are `system`."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": block(text)}]
    return {**chat("", **more), "messages": messages}


def cached(provider: LocalProvider, *bodies: dict[str, Any]) -> list[int]:
    """What the replies to these requests, one after the other, say was cached."""

    async def conversation(client: Client) -> list[int]:
        found = []
        for body in bodies:
            usage = (await client.ask(body)).body["usage"]
            found.append(usage["prompt_tokens_details"]["cached_tokens"])
        return found

    return talk(provider.base_url, conversation)


@pytest.mark.parametrize(
    ("tokens", "told"),
    [(1023, 0), (1024, 1024), (1151, 1024), (1152, 1152), (5000, 4992)],
)
def test_a_beginning_that_was_seen_is_cached_from_1024_tokens_on_in_steps_of_128(
    start: Start, tokens: int, told: int
) -> None:
    provider = start(prompt_cache=True)
    system = "x" * (4 * tokens)
    texts = ("one", "two", "three " * 2000)
    assert cached(provider, *(asked(system, text) for text in texts)) == [0, told, told]


def test_examples_belong_to_the_beginning_and_the_document_does_not(start: Start) -> None:
    provider = start(prompt_cache=True)
    turns = [
        {"role": "system", "content": "Sort it."},
        {"role": "user", "content": "e" * 4092},
        {"role": "assistant", "content": "{}"},
    ]
    bodies = [
        {**chat(""), "messages": [*turns, {"role": "user", "content": text}]}
        for text in ("one", "two", "d" * 8000)
    ]
    assert cached(provider, *bodies) == [0, 1024, 1024]
    assert cached(provider, chat("d" * 8000), chat("d" * 8000)) == [0, 0]


def test_another_beginning_is_another_entry(start: Start) -> None:
    provider = start(prompt_cache=True)
    system = "x" * 8000
    schema = {"type": "object", "properties": {"other": {"type": "boolean"}}}
    first = asked(system, "one")
    others = [
        asked("y" + system[1:], "one"),
        asked(system, "one", schema=schema),
        asked(system + "z", "one"),
    ]
    assert cached(provider, first, *others) == [0, 0, 0, 0]
    assert cached(provider, first, *others) == [1920, 1920, 1920, 1920]


def test_only_answers_that_were_sent_are_counted_as_cached(start: Start) -> None:
    provider = start(prompt_cache=True)
    system = "x" * 4096

    async def conversation(client: Client) -> None:
        for marker in ("500", "ok", "reset", "429", "schema", "empty"):
            with suppress(aiohttp.ClientError):  # the connection that is reset
                await client.ask(asked(system, f"[[stub:{marker}]]"))

    talk(provider.base_url, conversation)
    stats = provider.stats()
    assert (stats["answers"], stats["cached_tokens"]) == (3, 2 * 1024)
    provider.reset_stats()
    assert provider.stats()["cached_tokens"] == 0
    assert cached(provider, asked(system, "later")) == [1024], "the cache outlives its count"


def test_a_reply_says_nothing_of_a_cache_that_was_not_asked_for(stub: LocalProvider) -> None:
    body = asked("x" * 8000, "one")
    replies = [ask(stub.base_url, body) for _ in range(2)]
    for reply in replies:
        assert set(reply.body["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert stub.stats()["cached_tokens"] == 0
