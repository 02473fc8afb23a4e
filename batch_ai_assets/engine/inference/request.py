"""Request rendering: the invariant part once, one document per request, and the request hash.

Document text is data: it stands in a message of its own between tags that carry its own hash,
so no document can close them. It is never looked at as a template.
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property
from typing import Any

import orjson

from ..spec.resolved import ResolvedJob
from ..tokens import MESSAGE_TOKENS, count_tokens, cut_to
from .item import Correction
from .merging import merge_rules
from .parts import Division, Part

_AGAIN = (
    "An earlier answer to this document could not be used. Answer again, exactly in the form that "
    "is demanded. What was wrong:"
)


def wrap_document(text: str, name: str = "", input_hash: bytes | None = None) -> str:
    """The document between tags that carry the first 12 hex digits of its sha256.

    `name`: its id, where it is one of several; `input_hash`: the sha256, where it is known.
    """
    tag = (input_hash or hashlib.sha256(text.encode()).digest()).hex()[:12]
    called = f' id="{name}"' if name else ""
    return f"<document-{tag}{called}>\n{text}\n</document-{tag}>"


def envelope(
    job: ResolvedJob, messages: list[dict[str, str]], schema: dict[str, Any]
) -> tuple[bytes, bytes]:
    """A request's body before and after the content of its last message, as JSON.

    The invariant part comes first: providers keep what they have read of it.
    """
    settings: dict[str, Any] = {
        "model": job.spec.model.name,
        **job.spec.model.parameters.model_dump(exclude_none=True),
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": job.name, "strict": True, "schema": schema},
        },
    }
    if wants_logprobs(job):
        settings |= {"logprobs": True, "top_logprobs": 5}
    body = orjson.dumps({**settings, "messages": messages})
    # The body ends in `]}`; an item's message goes before it.
    return body[:-2] + b',{"role":"user","content":', b"}]}"


def wants_logprobs(job: ResolvedJob) -> bool:
    confidence = job.spec.output.confidence
    return confidence is not None and confidence.source == "logprob"


def with_most(body: bytes, max_tokens: int, most: int) -> bytes:
    """`body` with another bound on its answer than the job's `max_tokens`."""
    told = b'"max_tokens":%d'
    return body.replace(told % max_tokens, told % most, 1)


TAG_TOKENS = 40
"""What the two tags of a document take at most: twelve hex digits are rarely long tokens."""
ANSWER_ID_TOKENS = 12
"""What the id of one answer among several and its separators take at most."""

LONGER = 4
"""How many times `max_tokens` an answer may have that was cut before."""


class RequestTemplate:
    """Everything of a job's requests that does not change from item to item."""

    def __init__(self, job: ResolvedJob) -> None:
        schema = job.output_schema()
        messages: list[dict[str, str]] = [{"role": "system", "content": job.prompt_text}]
        for example in job.examples:
            answer = orjson.dumps(example.output).decode()
            messages += [
                {"role": "user", "content": wrap_document(example.text)},
                {"role": "assistant", "content": answer},
            ]
        self._messages, self._schema = messages, schema
        self._head, self._tail = envelope(job, messages, schema)
        parameters = job.spec.model.parameters
        self.max_tokens = parameters.max_tokens
        self.together = job.spec.prompt.items_per_request
        self.truncates = job.spec.over_length == "truncate"
        self._chunks = job.spec.chunks if job.spec.over_length == "chunk_and_merge" else None
        self._merge_rules = orjson.dumps(merge_rules(job), option=orjson.OPT_SORT_KEYS)
        self._context_tokens = job.offer.context_tokens
        self._prefix = hashlib.sha256(
            orjson.dumps(
                [
                    job.spec.model.provider,
                    job.spec.model.name,
                    job.model_version,
                    messages,
                    schema,
                    parameters.model_dump(exclude={"max_tokens"}),
                    wants_logprobs(job),
                ],
                option=orjson.OPT_SORT_KEYS,
            )
        )

    def body(self, text: str, input_hash: bytes) -> bytes:
        """The request for one document. `input_hash` is the sha256 of `text`.

        Its length bounds the input tokens: no tokenizer makes more than one of a byte.
        """
        return self._around(wrap_document(text, "", input_hash))

    def _around(self, document: str) -> bytes:
        return self._head + orjson.dumps(document) + self._tail

    def request(
        self, text: str, input_hash: bytes, correction: Correction | None
    ) -> tuple[bytes, int]:
        """The body for one document, and how many tokens the answer may have."""
        document = wrap_document(text, "", input_hash)
        if correction is None:
            return self._around(document), self.max_tokens
        if correction.error:
            document += f"\n{_AGAIN} {correction.error}"
        body = self._around(document)
        if not correction.longer:
            return body, self.max_tokens
        # What the context surely has left: no tokenizer makes more tokens than there are bytes.
        left = max(self.max_tokens, self._context_tokens - len(body))
        most = min(self.max_tokens * LONGER, left)
        return with_most(body, self.max_tokens, most), most

    @property
    def kind(self) -> bytes:
        """What is asked of whom, the document left out: questions of one kind about the same
        document are the same question."""
        return self._prefix.digest()

    @cached_property
    def prompt_tokens(self) -> int:
        """Tokens of a request without its document, by estimate: messages and schema."""
        told = [message["content"] for message in self._messages]
        counts = count_tokens([*told, orjson.dumps(self._schema).decode()])
        return sum(counts) + MESSAGE_TOKENS

    @cached_property
    def room(self) -> int:
        """Tokens that a document may have; 0 or less where the prompt leaves none.

        The whole body counts as prompt, which is more than any provider makes of it.
        """
        body = count_tokens([self.body("", b"").decode()])[0]
        return self._context_tokens - self.max_tokens - body - MESSAGE_TOKENS

    @cached_property
    def whole_up_to(self) -> float:
        """Documents of so many tokens are asked whole: neither cut nor in parts."""
        bounded = self.division is not None or (self.truncates and self.room > 0)
        return self.room if bounded else math.inf

    def cuts(self, tokens: int) -> bool:
        """Whether only the beginning of a document of this length is asked."""
        return self.truncates and tokens > self.room > 0

    def asked_text(self, text: str, tokens: int) -> str:
        """What is asked of a document: all of it, or the beginning that there is room for."""
        return cut_to(text, self.room) if self.cuts(tokens) else text

    @cached_property
    def division(self) -> Division | None:
        """How documents that are too long are cut into parts; None where they are not."""
        if self._chunks is None:
            return None
        return Division(self.room, self._chunks.overlap_tokens, self._chunks.most)

    def divides(self, tokens: int) -> bool:
        """Whether a document of this length is asked in parts."""
        return self._division_of(tokens) is not None

    def parts(self, text: str) -> list[Part]:
        """What is asked of a document that is asked in parts, each like a document of its own: by
        `body(part.text, part.input_hash)`, under `request_hash(part.input_hash)`."""
        assert self.division is not None
        return self.division.cut(text)

    def calls(self, tokens: int) -> int:
        """How often a document of this length is asked, if all goes well: once for each part."""
        division = self._division_of(tokens)
        return division.parts_of(tokens) if division else 1

    def company(self, tokens: int) -> int:
        """How many documents of this length share a request, if there are enough of them."""
        if self.together == 1 or self.divides(tokens):
            return 1
        each = self.asked_tokens(tokens) + TAG_TOKENS + ANSWER_ID_TOKENS + self.max_tokens
        return max(1, min(self.together, (self._context_tokens - self.prompt_tokens) // each))

    def asked_tokens(self, tokens: int) -> int:
        """Tokens of what is asked of a document of this length, in all its calls together."""
        if division := self._division_of(tokens):
            return division.tokens_of(tokens)
        return self.room if self.cuts(tokens) else tokens

    def _division_of(self, tokens: int) -> Division | None:
        """How a document of this length is cut into parts; None where it is not."""
        division = self.division
        return division if division is not None and division.divides(tokens) else None

    def request_hash(self, input_hash: bytes, tokens: int = 0) -> bytes:
        """sha256 over all that decides the answer: what is asked of whom, and the document.

        `tokens` of the document: one that is cut, or asked in parts, is another question than one
        that is asked whole. A part of it is a document of its own.
        """
        digest = self._prefix.copy()
        digest.update(input_hash)
        if tokens <= self.whole_up_to:
            return digest.digest()
        if self.cuts(tokens):
            digest.update(b"cut to %d" % self.room)
        elif division := self._division_of(tokens):
            digest.update(b"in parts of %d, %d twice, " % (division.room, division.overlap))
            digest.update(self._merge_rules)
        return digest.digest()
