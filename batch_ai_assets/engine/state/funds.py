"""Amounts of money and tokens as they go between a run and the accounts. Values only."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Bound(msgspec.Struct, frozen=True, gc=False):
    """The most one call can cost; any amount of both kinds."""

    usd: float
    tokens: int


class Drawn(msgspec.Struct, frozen=True):
    """What came of a draw, and how the tightest account stands after it."""

    usd: float
    tokens: int
    room_usd: float
    """What could still be drawn; infinite where nothing limits it."""
    room_tokens: float
    elsewhere_usd: float
    """What other runs hold of it, and may give back."""
    elsewhere_tokens: float
    usd_words: str
    """How much of the tightest limit is spent, for people, and which limit that is."""
    usd_limit: str
    tokens_words: str
    tokens_limit: str


class Spender(Protocol):
    """Who spends what is drawn: a run's purse."""

    def wish(self) -> Bound:
        """What the next draw should bring."""

    def grant(self, drawn: Drawn) -> None:
        """It was committed."""

    def wake(self) -> None:
        """Whoever waits for a draw should look again."""
