from __future__ import annotations

import threading
import time

import pytest

from batch_ai_assets.engine.errors import ProviderError
from batch_ai_assets.local_provider.model import ChatAnswer, ChatRequest, RequestRefused
from batch_ai_assets.local_provider.threaded import ThreadedModel

from .clients import Client, chat, talk
from .conftest import Start

REQUEST = ChatRequest("slow", (), None, None, False, 0)


class CountedModel:
    name = "slow"
    context_tokens = 100

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def answer(self, request: ChatRequest) -> ChatAnswer:
        self.threads.add(threading.current_thread().name)
        time.sleep(0.001)
        return ChatAnswer("{}", "stop", 1, 1)


def test_a_model_is_loaded_once_and_asked_in_one_thread() -> None:
    loaded: list[CountedModel] = []

    def load() -> CountedModel:
        loaded.append(CountedModel())
        return loaded[-1]

    model = ThreadedModel("slow", load)
    futures = [model.executor.submit(model.answer, REQUEST) for _ in range(20)]
    assert {future.result().content for future in futures} == {"{}"}
    assert len(loaded) == 1
    assert len(loaded[0].threads) == 1
    model.close()


def test_a_model_that_cannot_be_loaded_is_named() -> None:
    def load() -> CountedModel:
        raise FileNotFoundError("weights.safetensors is not there")

    model = ThreadedModel("slow", load)
    with pytest.raises(ProviderError, match=r"slow cannot be loaded: weights.safetensors"):
        model.load()
    with pytest.raises(RequestRefused) as refused:
        model.answer(REQUEST)
    assert (refused.value.status, refused.value.code) == (404, "model_not_found")
    model.close()


def test_the_real_small_model_answers_over_http(start: Start) -> None:
    base_url = start(model="all").base_url

    async def conversation(client: Client) -> None:
        models = (await client.send("GET", "/models")).body["data"]
        assert [model["id"] for model in models] == ["stub", "minilm-classifier"]
        schema = {
            "type": "object",
            "properties": {
                "topic": {
                    "type": "string",
                    "enum": ["weather", "money"],
                    "description": "- weather: rain, sun and wind\n- money: prices and payments",
                }
            },
            "required": ["topic"],
            "additionalProperties": False,
        }
        body = chat("It rained all day.", schema, model="minilm-classifier", logprobs=True)
        reply = await client.ask(body)
        assert reply.status == 200, reply.body
        assert reply.answer == {"topic": "weather"}
        tokens = reply.choice["logprobs"]["content"]
        assert "".join(token["token"] for token in tokens) == reply.choice["message"]["content"]
        refused = await client.ask(
            {**body, **chat("x", {"type": "string", "minLength": 1})}
            | {"model": "minilm-classifier"}
        )
        assert refused.status == 400

    talk(base_url, conversation)
