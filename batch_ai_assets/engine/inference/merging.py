"""Merging: the answers to the parts of a document become the answer to the document. Pure.

What the rules mean is said in `spec/chunks.py`; how a document is cut, in `parts.py`. When it is
time to merge is for those to know who ask the parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any, TypeAlias

import jsonschema_rs
import orjson

from ..spec.chunks import MergeRule
from ..spec.property_type import property_type
from ..spec.resolved import ResolvedJob
from ..validation.answer import AnswerCheck
from ..validation.confidence import ConfidenceReader
from .outcome import Failure, FailureClass

_NUMBERS = ("number", "integer")
_OF_ALL_FIELDS = frozenset(
    {
        "required", "minProperties", "dependentRequired", "dependentSchemas",
        "allOf", "anyOf", "oneOf", "not", "if",
    }
)  # fmt: skip
"""Left out of the schema where one field alone is looked at."""

Said: TypeAlias = tuple[Any, int]
"""What one part says of a field, and the tokens behind it."""


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """A usable answer to one part of a document."""

    fields: Mapping[str, Any]
    tokens: int
    """Of the part's text, at least 1: its weight."""
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Merged:
    """The answer to the whole document."""

    content: bytes
    """As JSON, the way a model would have written it."""
    confidence: float | None
    failure: Failure | None
    """Why it is not usable. It is final: the same answers would be merged to the same again."""


def merge_rules(job: ResolvedJob) -> dict[str, MergeRule]:
    """The rule of every field of the job's answers, in the order of its schema."""
    return {
        name: job.spec.chunks.merge.get(
            name, "weighted" if property_type(schema) in _NUMBERS else "majority"
        )
        for name, schema in job.spec.output.json_schema.get("properties", {}).items()
    }


class Merge:
    """Merges the answers of one job; make one per run. Safe to share between workers."""

    def __init__(self, job: ResolvedJob) -> None:
        schema = job.output_schema()
        self._rules = merge_rules(job)
        self._types = {name: property_type(part) for name, part in schema["properties"].items()}
        alone = {key: part for key, part in schema.items() if key not in _OF_ALL_FIELDS}
        self._allows = jsonschema_rs.validator_for(alone, offline=True).is_valid
        self._check = AnswerCheck(job).check
        self._reader = ConfidenceReader(job)

    def merge(self, parts: Sequence[PartAnswer]) -> Merged:
        """The answers to all parts, in the order of the text, as one that is checked like any."""
        fields: dict[str, Any] = {}
        for name, rule in self._rules.items():
            said = [(part.fields[name], part.tokens) for part in parts if name in part.fields]
            votes = [(value, tokens) for value, tokens in said if value is not None]
            if said:
                fields[name] = self._merged(name, rule, votes) if votes else None
        content = orjson.dumps(fields)
        checked = self._check(content.decode())
        failure = None
        if checked.fields is None:
            failure = Failure(
                FailureClass.PERMANENT,
                checked.reason or "schema",
                f"Merged from {len(parts)} answers by the rules of chunks.merge: {checked.detail}.",
            )
        return Merged(content, self._confidence(parts, fields), failure)

    def _merged(self, name: str, rule: MergeRule, votes: Sequence[Said]) -> Any:
        if rule == "max":
            return max(value for value, _ in votes)
        if rule == "weighted" and self._types[name] in _NUMBERS:
            return self._mean(name, votes)
        return _elected(votes, by_count=rule == "majority")

    def _mean(self, name: str, votes: Sequence[Said]) -> int | float:
        """The mean; of the answered numbers the nearest, where the schema does not allow the mean,
        such as a number that is on no list."""
        exact = _weighted_mean(votes)
        whole = self._types[name] == "integer"
        mean = floor(exact + Fraction(1, 2)) if whole else float(exact)
        if self._allows({name: mean}):
            return mean
        nearest: int | float = min((value for value, _ in votes), key=lambda one: abs(one - exact))
        return nearest

    def _confidence(
        self, parts: Sequence[PartAnswer], fields: Mapping[str, Any]
    ) -> float | None:
        """What the merged answer says of itself, or the mean of what its parts' tokens say."""
        if not self._reader.needs_logprobs:
            return self._reader.read(fields, "", None)
        known = [(part.confidence, part.tokens) for part in parts if part.confidence is not None]
        return float(_weighted_mean(known)) if known else None


def _weighted_mean(said: Sequence[Said]) -> Fraction:
    """Exact, so that it never leaves the range of the values, and no order of parts changes it."""
    total = sum((Fraction(value) * tokens for value, tokens in said), Fraction(0))
    return total / sum(tokens for _, tokens in said)


def _elected(votes: Sequence[Said], *, by_count: bool) -> Any:
    """The value with the most votes, if they count, then the most tokens, then the first place."""
    counts: Counter[Any] = Counter()
    tokens: Counter[Any] = Counter()
    values: dict[Any, Any] = {}
    for value, behind in votes:
        same = _comparable(value)
        counts[same] += 1
        tokens[same] += behind
        values.setdefault(same, value)
    # Of equals max() takes the first, and values stand in the order of the parts.
    return values[max(values, key=lambda same: (counts[same] if by_count else 0, tokens[same]))]


def _comparable(value: Any) -> Any:
    """Equal for equal JSON: 1 and 1.0 are the same, 1 and true are not; no order of keys counts."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
