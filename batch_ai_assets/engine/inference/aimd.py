"""Window: how many calls may be in flight at a provider that names no limits. Pure.

Additive increase, multiplicative decrease: one more after 25 clean calls, three quarters after a
burst of 429s. Before the first of them it doubles, fast enough to be out of the way of a provider
that takes everything. How long nobody sends after a 429 (`Retry-After`) is the gate's.
"""

from __future__ import annotations

FIRST = 32
"""A crew begins with one call and doubles as they are answered; beyond this, it asks here."""
DOUBLING_SECONDS = 0.1
"""32 become 512 in less than half a second."""
CLEAN_CALLS = 25
DECREASE = 0.75
NEVER = float("inf")


class Window:
    """Calls in flight, at most. Times are seconds of any steady clock, passed in."""

    def __init__(self, most: int) -> None:
        """`most`: as many as the job has workers."""
        self._most = most
        self._size = min(FIRST, most)
        self._doubling = self._size < most
        self._doubles_at = NEVER
        self._clean = 0
        self._decreased_at = -NEVER

    def widen(self, most: int) -> None:
        """From now on as many as `most`, if the provider takes them; one more at a time."""
        self._most = max(self._most, most)

    def wait(self, now: float, in_flight: int) -> float:
        """0.0 and a call may leave; otherwise seconds until the window is larger, NEVER where
        only a call that comes back makes room."""
        if in_flight < self._size:
            return 0.0
        while self._doubling and now >= self._doubles_at:
            self._doubles_at += DOUBLING_SECONDS
            self._size = min(2 * self._size, self._most)
            self._doubling = self._size < self._most
        if in_flight < self._size:
            return 0.0
        return self._doubles_at - now if self._doubling else NEVER

    def clean(self, now: float) -> None:
        """A call came back, and not with a 429."""
        if self._doubling:
            self._doubles_at = min(self._doubles_at, now + DOUBLING_SECONDS)
            return
        self._clean += 1
        if self._clean >= CLEAN_CALLS:
            self._clean = 0
            self._size = min(self._size + 1, self._most)

    def turned_away(self, sent_at: float, now: float, in_flight: int) -> None:
        """A 429. Of one burst, only the first counts: the rest left before the decrease."""
        if sent_at <= self._decreased_at:
            return
        self._decreased_at = now
        self._doubling = False
        self._clean = 0
        self._size = max(1, int(DECREASE * min(self._size, in_flight)))
