"""Limiter: the job's own ceiling in requests and tokens per minute, in this process. Pure.

A generic cell rate algorithm per dimension: a theoretical arrival time moves forward with every
request that is let through, and a request waits while that time is more than a small burst ahead.
A long pause earns nothing, so no second after it exceeds the rate. The provider's limits, which
all processes share, are `booking.py`'s.
"""

from __future__ import annotations

BURST_SECONDS = 0.1
"""How far ahead of a perfectly even stream a request may be sent."""


class Limiter:
    """Two rates. Times are seconds of any steady clock, passed in."""

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        burst_seconds: float = BURST_SECONDS,
    ) -> None:
        self._seconds_per_request = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._seconds_per_token = 60.0 / tokens_per_minute if tokens_per_minute else 0.0
        self._burst = burst_seconds
        self._next_request = float("-inf")
        self._next_token = float("-inf")

    def wait(self, now: float) -> float:
        """0.0 and a request may leave; otherwise how long to wait before asking again."""
        ahead = max(self._next_request, self._next_token) - self._burst - now
        return ahead if ahead > 0.0 else 0.0

    def calls_within(self, seconds: float, tokens: float) -> float:
        """How many calls of so many tokens may leave in so much time."""
        each = max(self._seconds_per_request, tokens * self._seconds_per_token)
        return seconds / each if each > 0.0 else float("inf")

    def take(self, now: float, tokens: float) -> None:
        """A request leaves: `wait` has just said so."""
        if self._seconds_per_request:
            self._next_request = max(self._next_request, now) + self._seconds_per_request
        if self._seconds_per_token:
            self._next_token = max(self._next_token, now) + tokens * self._seconds_per_token

    def correct(self, tokens: float) -> None:
        """The request used `tokens` more than `take` was told (fewer, where negative)."""
        if self._seconds_per_token:
            self._next_token += tokens * self._seconds_per_token
