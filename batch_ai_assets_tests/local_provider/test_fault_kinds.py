from __future__ import annotations

import asyncio
import time

import aiohttp
import jsonschema_rs
import orjson
import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from .clients import LABELS, PACKED, SCHEMA, Client, ask, block, chat, talk
from .conftest import Start


def test_a_429_carries_its_retry_after_in_both_forms(stub: LocalProvider) -> None:
    reply = ask(stub.base_url, chat("[[stub:429(0.25)]]"))
    assert (reply.status, reply.code) == (429, "rate_limit_exceeded")
    assert reply.headers["retry-after"] == "0.25"
    assert reply.headers["retry-after-ms"] == "250"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 500, 502, 503, 504])
def test_a_status_fault_answers_that_status_in_openai_form(
    stub: LocalProvider, status: int
) -> None:
    reply = ask(stub.base_url, chat(f"[[stub:{status}]]"))
    assert reply.status == status
    assert set(reply.body["error"]) == {"message", "type", "param", "code"}
    assert stub.stats()["by_status"] == {str(status): 1}
    assert stub.stats()["answers"] == 0


def test_an_exhausted_quota_is_told_from_throttling_by_its_code(stub: LocalProvider) -> None:
    reply = ask(stub.base_url, chat("[[stub:quota]]"))
    assert (reply.status, reply.code) == (429, "insufficient_quota")
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize("kind", ["reset", "hang(0.05)"])
def test_a_broken_connection_is_no_answer_and_costs_nothing(stub: LocalProvider, kind: str) -> None:
    with pytest.raises(aiohttp.ClientError):
        ask(stub.base_url, chat(f"[[stub:{kind}]][[id:x]]"))
    stats = stub.stats()
    assert stats["items"]["x"] == {"calls": 1, "answers": 0, "tokens": 0}
    assert stats["by_status"] == {kind.partition("(")[0]: 1}
    assert stats["in_flight"] == 0


def test_a_slow_answer_is_a_right_answer_later(stub: LocalProvider) -> None:
    begun = time.monotonic()
    reply = ask(stub.base_url, chat("[[stub:slow(0.3)]]"))
    assert time.monotonic() - begun >= 0.3
    jsonschema_rs.validate(SCHEMA, reply.answer)


def test_a_malformed_answer_is_not_json(stub: LocalProvider) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        _ = ask(stub.base_url, chat("[[stub:malformed]]")).answer


def test_a_schema_fault_is_json_that_breaks_the_schema(stub: LocalProvider) -> None:
    answer = ask(stub.base_url, chat("[[stub:schema]]")).answer
    assert not jsonschema_rs.is_valid(SCHEMA, answer)
    assert "label" not in answer


def test_a_taxonomy_fault_breaks_the_enum_and_nothing_else(stub: LocalProvider) -> None:
    answer = ask(stub.base_url, chat("[[stub:taxonomy]]")).answer
    assert answer["label"] not in LABELS
    assert jsonschema_rs.is_valid(SCHEMA, {**answer, "label": LABELS[0]})


def test_a_truncated_answer_is_cut_json_with_finish_reason_length(stub: LocalProvider) -> None:
    body = chat("[[stub:truncated]]", logprobs=True)
    reply = ask(stub.base_url, body)
    assert reply.choice["finish_reason"] == "length"
    content = reply.choice["message"]["content"]
    assert "".join(t["token"] for t in reply.choice["logprobs"]["content"]) == content
    with pytest.raises(orjson.JSONDecodeError):
        _ = reply.answer


def test_a_refusal_has_no_content(stub: LocalProvider) -> None:
    message = ask(stub.base_url, chat("[[stub:refusal]]")).choice["message"]
    assert message["content"] is None
    assert message["refusal"]


def test_an_empty_answer_is_an_empty_string(stub: LocalProvider) -> None:
    assert ask(stub.base_url, chat("[[stub:empty]]")).choice["message"]["content"] == ""


def test_answers_with_wrong_content_are_paid_for(stub: LocalProvider) -> None:
    for kind in ("malformed", "schema", "taxonomy", "truncated", "refusal", "empty"):
        ask(stub.base_url, chat(f"[[stub:{kind}]][[id:{kind}]]"))
    items = stub.stats()["items"]
    assert len(items) == 6
    assert all(item["answers"] == 1 and item["tokens"] > 0 for item in items.values())


def test_a_script_is_followed_call_by_call(stub: LocalProvider) -> None:
    async def conversation(client: Client) -> list[int]:
        return [(await client.ask(chat("script [[stub:429,500,ok]]"))).status for _ in range(4)]

    assert talk(stub.base_url, conversation) == [429, 500, 200, 200]


def test_a_fault_of_one_packed_item_leaves_the_others_right(stub: LocalProvider) -> None:
    texts = ["a", "b [[stub:taxonomy]]", "c [[stub:empty]]", "d"]
    packed = "\n".join(block(text, number) for number, text in enumerate(texts))
    answers = ask(stub.base_url, chat(packed, PACKED)).answer["answers"]
    assert [answer["id"] for answer in answers] == ["0", "1", "3"]
    assert [answer["label"] in LABELS for answer in answers] == [True, False, True]


def test_rates_with_a_seed_give_the_same_faults_in_two_servers(start: Start) -> None:
    async def conversation(client: Client) -> list[int]:
        return [(await client.ask(chat(f"text {n}"))).status for n in range(200)]

    options = {"faults": "500=0.2,429(0.1)=0.1", "seed": 7}
    first = talk(start(**options).base_url, conversation)
    second = talk(start(**options).base_url, conversation)
    assert first == second
    assert 20 < first.count(500) < 60
    assert 8 < first.count(429) < 35


@pytest.mark.parametrize("marker", ["[[stub:slow(30)]]", "[[stub:hang]]"])
def test_a_client_that_leaves_before_its_answer_counts_as_abandoned(
    stub: LocalProvider, marker: str
) -> None:
    async def conversation(client: Client) -> None:
        timeout = aiohttp.ClientTimeout(total=0.2)
        with pytest.raises(asyncio.TimeoutError):
            await client.ask(chat(f"{marker}[[id:left]]"), timeout=timeout)
        while (await client.send("GET", "//stats")).body["in_flight"]:
            await asyncio.sleep(0.01)

    talk(stub.base_url, conversation)
    stats = stub.stats()
    assert (stats["calls"], stats["answers"], stats["abandoned"]) == (1, 0, 1)
    assert stats["items"]["left"] == {"calls": 1, "answers": 0, "tokens": 0}
