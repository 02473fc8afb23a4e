"""Fate: what becomes of an item before any call."""

from __future__ import annotations

from enum import IntEnum


class Fate(IntEnum):
    """The names are reasons in the state store."""

    ASK = 0
    UNCHANGED = 1
    OPEN_DEAD_LETTER = 2
    CLAIMED = 3
    TOO_LONG = 4
    PROBLEM = 5
    GIVEN_UP_BEFORE = 6
    """Skipped: a person gave the document up in another batch."""
    GIVEN_UP = 7
    """A person gave it up in an earlier version of this batch."""
    STAYS_DEAD = 8
    """Dead in the version before, and nobody decided otherwise."""

    @property
    def skipped(self) -> bool:
        return self in _SKIPPED

    @property
    def reason(self) -> str:
        return self.name.lower()


_SKIPPED = frozenset(
    (Fate.UNCHANGED, Fate.OPEN_DEAD_LETTER, Fate.CLAIMED, Fate.GIVEN_UP_BEFORE)
)
