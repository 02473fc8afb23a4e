"""PackedTemplate: several documents in one request, each answered by its id.

How such a request is written, and what its reply says of each document. Documents stay data:
each between tags that carry its own hash. What is done with a bad reply is `attempt.py`'s; which
documents go together is `line.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import msgspec
import orjson

from ..spec.resolved import ResolvedJob
from ..tokens import MESSAGE_TOKENS, count_tokens
from ..validation.answer import repeats_a_key
from .item import WorkItem
from .request import ANSWER_ID_TOKENS, TAG_TOKENS, envelope, with_most, wrap_document

_TOGETHER = (
    "Each message holds several documents. Every document stands between tags with an id. Look at "
    "each document by itself, as if it were the only one, and put one answer for it into "
    "`answers`, with its id."
)
_BRACKET_TOKENS = 16

Ill = Literal["malformed", "answer_ids"]
"""Why a whole reply cannot be used: no list of answers, or ids that were not asked or twice."""

_WHY = {
    "malformed": "The answer for several documents is no list of answers.",
    "answer_ids": "The answer for several documents names ids that were not asked, or one twice.",
}


@dataclass(frozen=True, slots=True)
class Element:
    """The answer to one document of a request."""

    content: str
    """As it would be had the document been asked alone."""
    text: str
    """As the model wrote it, id included."""
    start: int
    """Where `text` begins in the reply's content, characters."""


class _Answers(msgspec.Struct):
    answers: list[msgspec.Raw]


_decode_answers = msgspec.json.Decoder(_Answers).decode


class PackedTemplate:
    """Everything of a job's requests for several documents that is always the same."""

    def __init__(self, job: ResolvedJob) -> None:
        self.max_tokens = job.spec.model.parameters.max_tokens
        self._context_tokens = job.offer.context_tokens
        self._schema = packed_schema(job.output_schema())
        told = f"{job.prompt_text}\n\n{_TOGETHER}"
        self._messages: list[dict[str, str]] = [{"role": "system", "content": told}]
        if job.examples:
            shown = [
                wrap_document(example.text, name(place))
                for place, example in enumerate(job.examples)
            ]
            answers = [
                {"id": name(place), **example.output} for place, example in enumerate(job.examples)
            ]
            self._messages += [
                {"role": "user", "content": "\n".join(shown)},
                {"role": "assistant", "content": orjson.dumps({"answers": answers}).decode()},
            ]
        self._head, self._tail = envelope(job, self._messages, self._schema)

    @cached_property
    def prompt_tokens(self) -> int:
        """Tokens of a request without its documents, by estimate: messages and schema."""
        told = [message["content"] for message in self._messages]
        return sum(count_tokens([*told, orjson.dumps(self._schema).decode()])) + MESSAGE_TOKENS

    @cached_property
    def room(self) -> int:
        """Tokens that all documents may have together, each with `item_weight` beside its own."""
        return self._context_tokens - self.prompt_tokens - _BRACKET_TOKENS

    @property
    def item_weight(self) -> int:
        """Tokens that a document takes of the room beside its own: its tags and its answer."""
        return TAG_TOKENS + ANSWER_ID_TOKENS + self.max_tokens

    def most(self, items: int) -> int:
        """Tokens that the answer for so many documents may have."""
        return items * (self.max_tokens + ANSWER_ID_TOKENS) + _BRACKET_TOKENS

    def request(self, items: Sequence[WorkItem]) -> tuple[bytes, int]:
        """The body for these documents, and how many tokens the answer may have."""
        documents = "\n".join(
            wrap_document(item.text, name(place), item.input_hash)
            for place, item in enumerate(items)
        )
        most = self.most(len(items))
        body = self._head + orjson.dumps(documents) + self._tail
        return with_most(body, self.max_tokens, most), most


def name(place: int) -> str:
    """The id of the document at this place of a request, from 0."""
    return str(place + 1)


def packed_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of the answers to several documents, from that of one."""
    shared: dict[str, Any] = {
        key: schema[key] for key in ("$defs", "definitions") if key in schema
    }
    element = {
        **{key: value for key, value in schema.items() if key not in shared},
        "properties": {
            "id": {"type": "string", "description": "The id in the document's tag."},
            **schema["properties"],
        },
        "required": ["id", *schema.get("required", ())],
    }
    return {
        "type": "object",
        "properties": {"answers": {"type": "array", "items": element}},
        "required": ["answers"],
        "additionalProperties": False,
        **shared,
    }


def read(content: str | None, items: int) -> list[Element | None] | Ill:
    """The answer to each document by its place, None where it has none; or what is wrong.

    An id that was not asked, or one that comes twice, puts all others in doubt: a model that
    counts otherwise than we do would give every document its neighbour's answer.
    """
    try:
        raws = _decode_answers(content or "").answers
        texts = [bytes(raw).decode() for raw in raws]
        answers = [orjson.loads(text) for text in texts]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, orjson.JSONDecodeError):
        return "malformed"
    found: list[Element | None] = [None] * items
    places = {name(place): place for place in range(items)}
    at = 0
    for text, fields in zip(texts, answers, strict=True):
        at = (content or "").index(text, at)
        place = places.pop(_id(fields), None)
        if place is None:
            return "answer_ids"
        found[place] = Element(_alone(text, fields), text, at)
        at += len(text)
    return found


def why(ill: Ill) -> str:
    """What is wrong with a reply, for people."""
    return _WHY[ill]


def _id(fields: Any) -> str:
    """Takes the id out of an answer; a number for it, or blanks round it, name the same."""
    found = fields.pop("id", "") if type(fields) is dict else ""
    if type(found) is int:
        return str(found)
    return found.strip() if type(found) is str else ""


def _alone(text: str, fields: dict[str, Any]) -> str:
    """The answer without its id. One that repeats a key, or is nested deeper than can be written,
    stays as it is, to be refused for that."""
    if text.count(":") != len(fields) + 1 and repeats_a_key(text):
        return text
    try:
        return orjson.dumps(fields).decode()
    except orjson.JSONEncodeError:
        return text
