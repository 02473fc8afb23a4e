"""News: what a provider said of its limits, on the way from one process to all. Pure.

What is made of it is `rates.py`'s; where it is read out of an answer, `rate_headers.py` and
`outcome.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..state.send_slots import Dimension

Limits = Mapping[Dimension, float]
"""Units per second."""

SAID_AGAIN_SECONDS = 300.0
"""Limits that were told before are passed on again after so long, so that they stay believed."""
_LONG_AGO = float("-inf")


@dataclass(frozen=True, slots=True)
class News:
    """What one process heard, in seconds from now: clocks of processes differ."""

    hold_seconds: float = 0.0
    """Nothing may leave for so long."""
    told: Limits | None = None
    """Limits in an answer's headers."""
    turned_away: int = 0
    """So many calls were turned away (429)."""
    sent_ago: float = 0.0
    """When the last of them was sent, seconds ago."""
    kept: Limits | None = None
    """What the process kept to as it sent them."""


class Unsaid:
    """What was heard and not passed on yet. Times are of the process's own steady clock."""

    def __init__(self) -> None:
        self._hold_until = _LONG_AGO
        self._told: Limits | None = None
        self._turned_away, self._sent_at = 0, _LONG_AGO
        self._said: tuple[Limits, float] = ({}, _LONG_AGO)

    def __bool__(self) -> bool:
        """Whether there is anything to pass on."""
        return self._hold_until > _LONG_AGO or self._turned_away > 0 or self._told is not None

    def hold(self, until: float) -> None:
        self._hold_until = max(self._hold_until, until)

    def told(self, limits: Limits, now: float) -> None:
        """Limits that headers tell; most of the time they are the ones they told before."""
        before, at = self._said
        if limits and (limits != before or now - at > SAID_AGAIN_SECONDS):
            self._told, self._said = limits, (limits, now)

    def turned_away(self, sent_at: float) -> None:
        self._turned_away += 1
        self._sent_at = max(self._sent_at, sent_at)

    def pass_on(self, now: float, kept: Limits) -> News:
        """All of it; it counts as said. `kept`: what the process keeps to."""
        news = News(
            hold_seconds=max(0.0, self._hold_until - now),
            told=self._told,
            turned_away=self._turned_away,
            sent_ago=now - self._sent_at if self._turned_away else 0.0,
            kept=kept,
        )
        self._hold_until, self._told = _LONG_AGO, None
        self._turned_away, self._sent_at = 0, _LONG_AGO
        return news

    def did_not_arrive(self) -> None:
        """What was passed on last is lost: limits are passed on when they are told next."""
        self._said = ({}, _LONG_AGO)
