"""Throttling: what a provider grants that turns calls away, measured over the last minute. Pure.

That the calls slow down is the pacer's and the gate's doing; here it is only said.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SECONDS = 60.0
"""What is looked back on, and how often it is said at most."""
_SHORTEST = 5.0
"""A rate over less is none."""
_STORM = 10
"""Calls turned away in a minute, below which nothing is said."""
_STORM_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Granted:
    """Calls per minute."""

    granted: float
    asked: float


class Throttling:
    """One run's measure. `calls` and `turned_away` are counted from the start of the run."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()
        self._said_at = float("-inf")
        self.told = False
        """Whether it was said, and is not over."""

    def look(self, now: float, calls: int, turned_away: int) -> Granted | None:
        """What is to be said now; None: nothing."""
        seen = self._seen
        seen.append((now, calls, turned_away))
        while now - seen[0][0] > SECONDS:
            seen.popleft()
        since, calls_then, turned_away_then = seen[0]
        seconds, more = now - since, calls - calls_then
        away = turned_away - turned_away_then
        if seconds < _SHORTEST or away < max(_STORM, _STORM_SHARE * more):
            return None
        if now - self._said_at < SECONDS:
            return None
        self._said_at, self.told = now, True
        return Granted((more - away) * 60 / seconds, more * 60 / seconds)

    def is_over(self, now: float) -> bool:
        """Whether it was said, and for a minute no call was turned away."""
        seen = self._seen
        over = now - self._said_at > SECONDS and seen[0][2] == seen[-1][2]
        if not (self.told and over):
            return False
        self.told = False
        return True
