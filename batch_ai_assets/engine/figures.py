"""Figures of a batch: counts that other rooms read. Values only; the state store fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


def counted(number: int, noun: str, several: str = "") -> str:
    """For example `1 document`, `2,002 documents`; `several` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


class End(StrEnum):
    """Where an item stands. `PENDING` is not an end; every other is, and an item has one."""

    PENDING = "pending"
    VALID = "valid"
    REVIEW = "review"
    DEAD = "dead"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CommonMessage:
    """What was said last of many items without a usable answer."""

    message: str
    count: int
    items: tuple[str, ...]
    """The first of them, by id."""


@dataclass(frozen=True, slots=True)
class Conservation:
    """Promise 1: every item is counted once. All figures are items of one batch version."""

    items: int
    pending: int = 0
    valid: int = 0
    review: int = 0
    dead: int = 0
    discarded: int = 0
    cancelled: int = 0
    skipped: int = 0

    @property
    def accounted(self) -> int:
        return (
            self.pending + self.valid + self.review + self.dead
            + self.discarded + self.cancelled + self.skipped
        )

    @property
    def holds(self) -> bool:
        return self.items == self.accounted

    @property
    def finished(self) -> int:
        """Items that have an end other than skipped."""
        return self.items - self.pending - self.skipped

    def line(self) -> str:
        """The equation as shown to people."""
        parts = [f"{self.pending:,} pending", f"{self.valid:,} valid", f"{self.review:,} review",
                 f"{self.dead:,} dead", f"{self.discarded:,} discarded",
                 f"{self.cancelled:,} cancelled", f"{self.skipped:,} skipped"]
        sign = "=" if self.holds else "≠"
        return f"{self.items:,} items {sign} " + " + ".join(parts)


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What happened in one batch version so far."""

    conservation: Conservation
    asked: int = 0
    """Items that were sent to the provider at least once."""
    first_try_failed: int = 0
    """Of those, items whose first finished attempt did not give a usable answer."""
    answered: int = 0
    """Items with a usable answer (from the provider or from stored answers)."""
    from_store: int = 0
    """Of those, items served by stored answers, at no cost."""
    calls: int = 0
    """Calls that left, each retry counted; one may ask several items."""
    retries: int = 0
    """How often an item was asked again after a failure of its own."""
    split: int = 0
    """Of the calls, those for several items that came to nothing as a whole."""
    throttled: int = 0
    """Calls the provider turned away with 429."""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Of `tokens_in`, those that the provider had in its prompt cache."""
    cost_usd: float = 0.0
    """Settled cost plus written-off upper bounds of calls that gave no answer, USD."""
    cache_saved_usd: float = 0.0
    """What the cached tokens cost less than others, USD; `cost_usd` is without it."""
    dead_by_reason: Mapping[str, int] = field(default_factory=dict)
    carried_by_reason: Mapping[str, int] = field(default_factory=dict)
    """Of the dead ones, those that this version did not ask: dead before, or by their input."""
    skipped_by_reason: Mapping[str, int] = field(default_factory=dict)
    """`unchanged`, `open_dead_letter` (dead in another batch, fingerprint unchanged), `claimed`."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was not asked again, and what it had cost when it was."""

    documents: int = 0
    tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class ShardFigures:
    """What became of one shard of a batch version."""

    shard: int
    group: str
    items: int
    """Documents that were planned into it."""
    valid: int
    review: int
    dead: int
    pending: int
    """Not asked yet, or answered and not judged."""
    calls: int
    retries: int
    tokens: int
    """Sent and answered."""
    cost_usd: float
    seconds: float
    """From its first commit to its last, pauses between runs included."""
