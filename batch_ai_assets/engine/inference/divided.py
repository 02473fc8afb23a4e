"""Divided: a document that is asked in parts, while its parts are asked.

What is known of it so far, in memory; the store has all of it as well, part by part. How it is
cut is `parts.py`'s, how answers become one `merging.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from .merging import PartAnswer
from .parts import Part


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A usable answer to one part."""

    content: bytes
    confidence: float | None
    tokens_in: int
    tokens_out: int


@dataclass(slots=True)
class Divided:
    """One document that is longer than the model takes."""

    seq: int
    item_id: str
    text: str
    request_hash: bytes
    shard: int
    parts: Sequence[Part]
    answers: dict[int, KeptPart] = field(default_factory=dict)
    """By the part's number."""
    attempts: dict[int, int] = field(default_factory=dict)
    """How often each part was asked before."""
    attempt: int = 1
    """The highest number of an attempt at any part."""
    dead: bool = False
    """A part failed for good: no other is worth a call."""
    failed: bool = False
    """A part failed in this pass: the document waits for the sweep."""

    @property
    def complete(self) -> bool:
        return len(self.answers) == len(self.parts)

    @property
    def tokens_in(self) -> int:
        return sum(answer.tokens_in for answer in self.answers.values())

    @property
    def tokens_out(self) -> int:
        return sum(answer.tokens_out for answer in self.answers.values())

    def in_order(self) -> list[PartAnswer]:
        """The answers to all parts, as they are merged."""
        return [
            PartAnswer(orjson.loads(kept.content), max(1, part.tokens), kept.confidence)
            for part in self.parts
            if (kept := self.answers[part.number])
        ]
