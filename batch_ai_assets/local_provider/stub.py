"""The `stub` model: deterministic answers, at next to no cost, and faults of the content.

An answer is drawn from the sha256 of the document's text and fills the request's schema; the
same text and schema give the same answer in every run, alone or packed with others. Tokens are
estimated as ceil(UTF-8 bytes / 4), of all messages together and of the answer.

Here: what the stub says. Not here: when it fails (see `faults`), HTTP (see `server`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .documents import Document, documents_of
from .faults import OK, Step
from .filler import Draw, Fill, compile_schema, resolve
from .model import ChatAnswer, ChatRequest, RequestRefused, TokenLogprob
from .tokens import cut_tokens, tokens_of

CONTEXT_TOKENS = 128_000
REFUSAL = "I'm sorry, but I can't assist with that request."


def estimate_tokens(*texts: str) -> int:
    """ceil(UTF-8 bytes / 4), all texts together."""
    size = 0
    for text in texts:
        size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // 4)


def prompt_tokens(request: ChatRequest) -> int:
    """The estimate for a whole prompt."""
    return estimate_tokens(*(message.content for message in request.messages))


@dataclass(frozen=True, slots=True)
class StubAnswer:
    """An answer, or a refusal in its place (OpenAI's `message.refusal`)."""

    answer: ChatAnswer
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """A schema made ready: for one document, and for one of several in a request."""

    schema: dict[str, Any]
    fill: Fill
    packed: _Form | None
    """The form of one element of `answers`, its `id` left out; None where there is none."""


class StubModel:
    """Answers any schema of a practical kind (see `filler`)."""

    name = "stub"

    def __init__(self, context_tokens: int = CONTEXT_TOKENS) -> None:
        self.context_tokens = context_tokens
        self._forms: dict[int, _Form] = {}

    def answer(self, request: ChatRequest) -> ChatAnswer:
        """The faultless answer. Raises RequestRefused."""
        documents = documents_of(request.messages)
        return self.respond(request, documents, (), prompt_tokens(request)).answer

    def respond(
        self,
        request: ChatRequest,
        documents: Sequence[Document],
        steps: Sequence[Step],
        prompt: int,
    ) -> StubAnswer:
        """The answer with the faults of content in `steps`, one step per document or none at
        all. `prompt` is its estimate in tokens.

        Raises RequestRefused where the prompt is over the context or the schema cannot be filled.
        """
        self._check_context(prompt, request.max_tokens or 0)
        faults = {step.kind for step in steps if step.of_content}
        form = self._form(request.schema)
        if "refusal" in faults:
            return StubAnswer(ChatAnswer("", "stop", prompt, estimate_tokens(REFUSAL)), REFUSAL)
        packed = bool(documents) and documents[0].pack_id is not None
        if form is None:
            content, value = f"stub answer {_digest(documents).hex()[:16]}", None
        elif packed:
            value = _packed_value(form, documents, steps)
            content = orjson.dumps(value).decode()
        else:
            value = _value(form, Draw(_digest(documents)), steps[0] if steps else OK)
            content = orjson.dumps(value).decode()
        if "empty" in faults and not packed:
            return StubAnswer(ChatAnswer("", "stop", prompt, 0))
        tokens = None
        if request.logprobs:
            tokens = tokens_of(value, content, request.schema, _digest(documents))
        return StubAnswer(_finished(content, tokens, prompt, request.max_tokens, faults))

    def _check_context(self, prompt: int, answer: int) -> None:
        if prompt + answer > self.context_tokens:
            raise RequestRefused(
                400,
                "context_length_exceeded",
                f"This model's maximum context length is {self.context_tokens} tokens. However, "
                f"your request has {prompt} prompt tokens and asks for up to {answer} more. "
                "Please reduce the length of the messages or max_tokens.",
            )

    def _form(self, schema: dict[str, Any] | None) -> _Form | None:
        if schema is None:
            return None
        # `wire` hands out one dict per distinct schema, and `_Form` keeps it alive: its id will do.
        form = self._forms.get(id(schema))
        if form is None or form.schema is not schema:
            if len(self._forms) > 256:
                self._forms.clear()
            form = self._forms[id(schema)] = _ready(schema)
        return form


def _ready(schema: dict[str, Any]) -> _Form:
    fill = compile_schema(schema)  # first: it refuses what is no schema at all
    packed = None
    if isinstance(answers := schema.get("properties", {}).get("answers"), dict):
        element = resolve(answers.get("items", {}), schema)
        if "id" in element.get("properties", {}):
            element = {
                **{key: schema[key] for key in ("$defs", "definitions") if key in schema},
                **element,
                "properties": {k: v for k, v in element["properties"].items() if k != "id"},
                "required": [name for name in element.get("required", ()) if name != "id"],
            }
            packed = _Form(element, compile_schema(element), None)
    return _Form(schema, fill, packed)


def _digest(documents: Sequence[Document]) -> bytes:
    if len(documents) == 1:
        return documents[0].digest
    return hashlib.sha256(b"".join(document.digest for document in documents)).digest()


def _packed_value(
    form: _Form, documents: Sequence[Document], steps: Sequence[Step]
) -> dict[str, Any]:
    if form.packed is None:
        raise RequestRefused(
            400,
            "invalid_json_schema",
            "the documents carry ids, so the schema must be an object with an array `answers` "
            "whose items have an `id`",
        )
    answers = []
    for position, document in enumerate(documents):
        step = steps[position] if steps else OK
        if step.kind != "empty":
            value = _value(form.packed, Draw(document.digest), step)
            answers.append({"id": document.pack_id, **value})
    return {"answers": answers}


def _value(form: _Form, draw: Draw, step: Step) -> Any:
    value = form.fill(draw)
    if step.kind == "taxonomy":
        return _out_of_taxonomy(value, form.schema)
    if step.kind == "schema":
        return _against_schema(value, form.schema)
    return value


def _out_of_taxonomy(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        for name, subschema in schema.get("properties", {}).items():
            if isinstance(subschema, dict) and "enum" in resolve(subschema, schema):
                return {**value, name: "no-such-option"}
    return _against_schema(value, schema)


def _against_schema(value: Any, schema: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        return {"unexpected": True}
    for name in schema.get("required", ()):
        return {key: kept for key, kept in value.items() if key != name}
    for name, kept in value.items():
        return {**value, name: "wrong type" if not isinstance(kept, str) else 12345}
    return []


def _finished(
    content: str,
    tokens: tuple[TokenLogprob, ...] | None,
    prompt: int,
    max_tokens: int | None,
    faults: set[str],
) -> ChatAnswer:
    reason = "stop"
    if "malformed" in faults:
        content, tokens = f"Here is the JSON: {content[:-1]}, oops", None
    limit = math.inf if max_tokens is None else max_tokens * 4
    if "truncated" in faults:
        limit = min(limit, len(content) // 2)
    if len(content) > limit:  # characters for bytes: close enough where an answer is cut anyway
        content, reason = content[: int(limit)], "length"
        tokens = None if tokens is None else cut_tokens(tokens, len(content))
    return ChatAnswer(content, reason, prompt, estimate_tokens(content), tokens)
