"""Requests as the engine writes them, for tests that ask the classifier."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from batch_ai_assets.local_provider.minilm import MiniLMClassifier
from batch_ai_assets.local_provider.model import ChatAnswer, ChatRequest, Message

TOPICS = {
    "card": "A debit or credit card is late, lost, stolen or does not work.",
    "transfer": "Money sent to another account, a bank transfer that is pending or failed.",
    "exchange": "Currencies, exchange rates, paying abroad.",
}


def enum(options: dict[str, str], about: str = "What the message is about.") -> dict[str, Any]:
    lines = "".join(f"\n- {value}: {meaning}" for value, meaning in options.items())
    return {"type": "string", "enum": list(options), "description": about + lines}


def schema(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TOPIC = schema(topic=enum(TOPICS))


def several(one: dict[str, Any]) -> dict[str, Any]:
    item = schema(id={"type": "string"}, **one["properties"])
    return schema(answers={"type": "array", "items": item})


def block(text: str, item: str | None = None) -> str:
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    named = f' id="{item}"' if item else ""
    return f"<document-{mark}{named}>\n{text}\n</document-{mark}>"


def example(text: str, **output: Any) -> tuple[Message, Message]:
    return Message("user", block(text)), Message("assistant", json.dumps(output))


def ask(
    model: MiniLMClassifier,
    content: str,
    form: dict[str, Any] | None = TOPIC,
    before: tuple[Message, ...] = (),
    max_tokens: int | None = 64,
    logprobs: bool = True,
) -> ChatAnswer:
    system = Message("system", "Say what the message is about.")
    messages = (system, *before, Message("user", content))
    top = 5 if logprobs else 0
    return model.answer(ChatRequest(model.name, messages, form, max_tokens, logprobs, top))


def fields(answer: ChatAnswer) -> dict[str, Any]:
    said = json.loads(answer.content)
    assert isinstance(said, dict)
    return said


def probabilities(answer: ChatAnswer, value: str) -> dict[str, float]:
    """Of the token that holds `value`: probability by option, as far as they were listed."""
    assert answer.tokens is not None
    token = next(token for token in answer.tokens if token.token == value)
    return {option: math.exp(logprob) for option, logprob in token.top}
