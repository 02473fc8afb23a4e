"""How sure the model was of one answer, 0 to 1, or None where that is not known.

Either the answer says so itself, or the probabilities of the tokens that spell the answered value
do. Hot path, once per answer. What a low or missing confidence leads to is in `verdict.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import exp, isfinite
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..spec.resolved import ResolvedJob

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


class TokenLike(Protocol):
    """One answered token with its natural-log probability."""

    @property
    def token(self) -> str: ...
    @property
    def logprob(self) -> float | None: ...


class ConfidenceReader:
    """Reads the confidence of one job's answers, as its `output.confidence` says."""

    def __init__(self, job: ResolvedJob) -> None:
        said = job.spec.output.confidence
        self._field = said.field if said else None
        self.needs_logprobs = bool(said and said.source == "logprob")
        """True where requests must ask for token probabilities."""
        name = re.escape(json.dumps(self._field, ensure_ascii=False)) if self._field else ""
        # No key is preceded by a backslash: that would be an escaped quote inside a string.
        self._key = re.compile(rf"(?<!\\){name}[ \t\r\n]*:[ \t\r\n]*")

    def read(
        self, fields: Mapping[str, Any], content: str, tokens: Sequence[TokenLike] | None
    ) -> float | None:
        """Confidence of a usable answer; `tokens` spell `content`, where they were asked for."""
        if self._field is None or self._field not in fields:
            return None
        if not self.needs_logprobs:
            return _share(fields[self._field])
        span = self._value_span(content) if tokens else None
        return None if span is None or tokens is None else _probability(tokens, content, *span)

    def read_within(
        self,
        fields: Mapping[str, Any],
        text: str,
        content: str,
        start: int,
        tokens: Sequence[TokenLike] | None,
    ) -> float | None:
        """The same for `text`, one answer of several, which begins at `content[start]`."""
        if not self.needs_logprobs or self._field not in fields:
            return self.read(fields, text, None)
        span = self._value_span(text) if tokens else None
        if span is None or tokens is None:
            return None
        return _probability(tokens, content, start + span[0], start + span[1])

    def _value_span(self, content: str) -> tuple[int, int] | None:
        """Where the value of the top-level field stands in the JSON text."""
        found = self._key.finditer(content)
        first = next(found, None)
        if first is not None and next(found, None) is None:
            return _span_at(content, first.end())
        return _top_level_span(content, self._field)


def _share(value: Any) -> float | None:
    """A number from 0 to 1; anything else is no confidence at all."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def _probability(
    tokens: Sequence[TokenLike], content: str, start: int, end: int
) -> float | None:
    """exp of the summed logprobs of the tokens that overlap `content[start:end]`.

    None where the tokens do not spell the text up to there, or one has no finite logprob.
    """
    total, offset = 0.0, 0
    for one in tokens:
        if offset >= end:
            break
        token = one.token
        if not content.startswith(token, offset):
            return None
        offset += len(token)
        if offset > start and token:
            if one.logprob is None:
                return None
            total += one.logprob
    if offset < end or not isfinite(total):
        return None
    return min(1.0, exp(total))


def _span_at(content: str, start: int) -> tuple[int, int] | None:
    """Span of the value that begins at `start`.

    A string's span runs from its first character to its closing quote: where the value stops is
    part of the answer (`MIT` against `MIT-0`), the quote that opens it is punctuation.
    """
    try:
        end = _DECODER.raw_decode(content, start)[1]
        return start + (content[start] == '"'), end
    except (ValueError, IndexError, RecursionError):
        return None


def _top_level_span(content: str, field: str | None) -> tuple[int, int] | None:
    """The slow way, for a key that is written twice or with escapes: walk the members."""
    at = _space(content, 0) + 1
    try:
        while True:
            key, at = _DECODER.raw_decode(content, _space(content, at))
            start = _space(content, _space(content, at) + 1)
            if key == field:
                return _span_at(content, start)
            at = _space(content, _DECODER.raw_decode(content, start)[1])
            if content[at] != ",":
                return None
            at += 1
    except (ValueError, IndexError, RecursionError):
        return None


def _space(content: str, at: int) -> int:
    match = _SPACE.match(content, at)
    return match.end() if match else at
