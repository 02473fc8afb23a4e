from __future__ import annotations

import asyncio
from typing import Any

import jsonschema_rs
import openai
import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from .clients import LABELS, PACKED, SCHEMA, Client, ask, block, chat, talk
from .conftest import Start


def test_the_openai_client_lists_models_and_gets_a_structured_answer(stub: LocalProvider) -> None:
    with openai.OpenAI(base_url=stub.base_url, api_key="any", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["stub"]
        assert client.models.retrieve("stub").id == "stub"
        completion = client.chat.completions.create(
            model="stub",
            messages=[{"role": "user", "content": block("where is my parcel?")}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "job", "strict": True, "schema": SCHEMA},
            },
            logprobs=True,
            top_logprobs=2,
            max_tokens=100,
        )
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-9")
    choice = completion.choices[0]
    assert choice.finish_reason == "stop"
    assert choice.message.content is not None
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert "".join(t.token for t in choice.logprobs.content) == choice.message.content
    value = next(t for t in choice.logprobs.content if t.token in LABELS)
    assert value.top_logprobs[0].token == value.token
    assert len(value.top_logprobs) == 2
    assert completion.usage is not None
    assert completion.usage.total_tokens == (
        completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


def test_the_same_document_gets_the_same_answer_alone_and_packed(stub: LocalProvider) -> None:
    texts = ["one", "two", "three"]

    async def conversation(client: Client) -> tuple[list[Any], Any]:
        alone = [(await client.ask(chat(block(text)))).answer for text in texts]
        packed = "\n".join(block(text, number) for number, text in enumerate(texts))
        return alone, (await client.ask(chat(packed, PACKED))).answer

    alone, packed = talk(stub.base_url, conversation)
    for answer in alone:
        jsonschema_rs.validate(SCHEMA, answer)
    jsonschema_rs.validate(PACKED, packed)
    assert packed == {"answers": [{"id": str(n), **a} for n, a in enumerate(alone)]}


def test_packed_items_are_counted_one_by_one_and_share_the_tokens(stub: LocalProvider) -> None:
    packed = "\n".join(block(f"text {n} [[id:item-{n}]]", n) for n in range(3))
    reply = ask(stub.base_url, chat(packed, PACKED))
    stats = stub.stats()
    assert set(stats["items"]) == {"item-0", "item-1", "item-2"}
    assert all(i["calls"] == i["answers"] == 1 for i in stats["items"].values())
    assert sum(i["tokens"] for i in stats["items"].values()) == stats["cost_tokens"]
    assert stats["cost_tokens"] == reply.body["usage"]["total_tokens"]


def test_tokens_are_a_quarter_of_the_bytes_rounded_up(stub: LocalProvider) -> None:
    body = chat("é" * 5)
    body["messages"] = body["messages"][1:]
    assert ask(stub.base_url, body).body["usage"]["prompt_tokens"] == 3  # ten bytes


def test_a_request_without_a_schema_gets_text(stub: LocalProvider) -> None:
    assert (
        ask(stub.base_url, chat("hi", None)).choice["message"]["content"].startswith("stub answer")
    )


def test_an_answer_longer_than_max_tokens_is_cut_and_says_so(stub: LocalProvider) -> None:
    reply = ask(stub.base_url, chat("hi", max_tokens=3))
    assert reply.choice["finish_reason"] == "length"
    assert reply.body["usage"]["completion_tokens"] == 3


def test_a_five_megabyte_document_is_over_the_context(stub: LocalProvider) -> None:
    reply = ask(stub.base_url, chat(block("word " * 1_000_000)))
    assert (reply.status, reply.code) == (400, "context_length_exceeded")
    assert "word" not in reply.body["error"]["message"]


def test_an_unknown_model_is_a_404_model_not_found(stub: LocalProvider) -> None:
    reply = ask(stub.base_url, chat("hi", model="gpt-9"))
    assert (reply.status, reply.code) == (404, "model_not_found")
    assert stub.stats()["by_status"] == {"404": 1}


def test_a_wrong_key_is_a_401_and_the_right_one_is_served(start: Start) -> None:
    base_url = start(api_key="s3cret").base_url

    async def conversation(client: Client) -> list[Any]:
        right = {"authorization": "Bearer s3cret"}
        wrong = {"authorization": "Bearer guess"}
        return [
            await client.ask(chat("hi")),
            await client.ask(chat("hi"), headers=wrong),
            await client.send("GET", "/models", headers=wrong),
            await client.ask(chat("hi"), headers=right),
        ]

    replies = talk(base_url, conversation)
    assert [reply.status for reply in replies] == [401, 401, 401, 200]
    assert replies[0].code == "invalid_api_key"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b'{"model": "stub"}',
        b'{"model": "stub", "messages": []}',
        b'{"model": "stub", "messages": [{"role": "user", "content": 5}]}',
        b'{"model": "stub", "messages": [{"role": "user", "content": "\xff"}]}',
        b'{"model": "stub", "messages": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        chat("hi", stream=True),
        chat("hi", n=2),
        chat("hi", max_tokens=0),
        chat("hi", response_format={"type": "json_object"}),
        chat("hi", {"type": "string", "pattern": "^a$"}),
        chat("hi", {"type": "object", "properties": 7}),
        chat("hi", {"type": "object", "properties": []}),
        chat("hi", {"properties": {"answers": {"items": 5, "type": "array"}}}),
        chat("hi [[stub:explode]]"),
        chat(block("hi", 1)),
    ],
)
def test_a_bad_request_is_a_400_in_openai_form_and_the_server_goes_on(
    stub: LocalProvider, body: Any
) -> None:
    reply = ask(stub.base_url, body)
    assert reply.status == 400
    assert set(reply.body["error"]) == {"message", "type", "param", "code"}
    assert reply.body["error"]["type"] == "invalid_request_error"
    assert ask(stub.base_url, chat("hi")).status == 200
    assert stub.stats()["in_flight"] == 0


def test_ten_thousand_concurrent_answers_reach_their_own_askers(stub: LocalProvider) -> None:
    async def conversation(client: Client) -> None:
        numbers = iter(range(10_000))

        async def worker() -> None:
            for number in numbers:
                reply = await client.ask(chat(f"[[id:{number}]]", {"const": {"n": number}}))
                assert reply.answer == {"n": number}

        await asyncio.gather(*(worker() for _ in range(100)))

    talk(stub.base_url, conversation)
    stats = stub.stats()
    assert stats["calls"] == stats["answers"] == stats["distinct_items"] == 10_000
    assert stats["answered_more_than_once"] == 0
    assert 1 <= stats["max_in_flight"] <= 100
