"""Demand: how many calls a process makes, and what they take, as far as one can tell. Pure."""

from __future__ import annotations

from .booking import SLICE_SECONDS, Cost

_SHORTEST_SECONDS = 0.05
_USUAL, _EXPECTED = 0.1, 0.5
"""How much the last call, or the last stretch of time, counts beside those before."""


class Demand:
    """Calls that left. Times are seconds of a steady clock, passed in."""

    def __init__(self, now: float) -> None:
        self.expected = 0.0
        """Calls in a slice of time."""
        self.looked_at = now
        """When that was last worked out."""
        self._left = 0
        self._tokens_in, self._tokens_out, self._weight = 0.0, 0.0, 1.0

    def left(self, tokens_in: float, tokens_out: float) -> None:
        """A call left."""
        self._left += 1
        self._tokens_in += self._weight * (tokens_in - self._tokens_in)
        self._tokens_out += self._weight * (tokens_out - self._tokens_out)
        self._weight = _USUAL

    @property
    def usual(self) -> Cost:
        """What a call mostly takes."""
        return self._tokens_in, self._tokens_out

    def look(self, now: float) -> None:
        """Work out what is expected, from what left since the last look."""
        seconds = max(now - self.looked_at, _SHORTEST_SECONDS)
        found = self._left / seconds * SLICE_SECONDS
        self.expected += _EXPECTED * (found - self.expected)
        self._left, self.looked_at = 0, now
