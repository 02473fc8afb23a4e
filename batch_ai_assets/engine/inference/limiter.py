"""Limiter: requests and tokens per minute, decided at the moment of sending.

A generic cell rate algorithm per dimension: a theoretical arrival time moves forward with every
request that is let through, and a request waits while that time is more than a small burst ahead.
A long pause earns nothing, so no second after it exceeds the rate. Pure but for `Gate`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

BURST_SECONDS = 0.1
"""How far ahead of a perfectly even stream a request may be sent."""


class Limiter:
    """Two rates and a hold. Times are seconds of any steady clock, passed in."""

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
        self._held_until = float("-inf")

    def take(self, now: float, tokens: int) -> float:
        """0.0 and the request may leave; otherwise how long to wait before asking again."""
        wait = max(
            self._held_until - now,
            self._next_request - self._burst - now,
            self._next_token - self._burst - now,
        )
        if wait > 0.0:
            return wait
        if self._seconds_per_request:
            self._next_request = max(self._next_request, now) + self._seconds_per_request
        if self._seconds_per_token:
            self._next_token = max(self._next_token, now) + tokens * self._seconds_per_token
        return 0.0

    def correct(self, tokens: int) -> None:
        """The request used `tokens` more than `take` was told (fewer, where negative)."""
        if self._seconds_per_token:
            self._next_token += tokens * self._seconds_per_token

    def hold(self, until: float) -> None:
        """Nothing leaves before `until`: the provider said `Retry-After`, or is away."""
        self._held_until = max(self._held_until, until)


class Gate:
    """The limiter as workers meet it: first come, first served; no await where none is needed."""

    def __init__(self, limiter: Limiter, clock: Callable[[], float]) -> None:
        self.limiter = limiter
        self._clock = clock
        self._turn = asyncio.Lock()

    def passes(self, tokens: int) -> bool:
        """True, and the request may leave now; False, and the worker must `wait`."""
        return not self._turn.locked() and self.limiter.take(self._clock(), tokens) == 0.0

    async def wait(self, tokens: int) -> None:
        """Return when the request may leave."""
        async with self._turn:
            while (seconds := self.limiter.take(self._clock(), tokens)) > 0.0:  # noqa: ASYNC110
                await asyncio.sleep(seconds)
