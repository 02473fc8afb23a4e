"""Breaker: tells a provider that is away from items that fail. Pure; the clock is passed in.

While calls fail one after the other with no success between, it opens: everything waits, one
probe at a time goes out, with growing pauses. A success closes it; no success for the whole
patience means giving up, so that the batch halts with its items pending instead of using up
their attempts. Which failures speak of the provider is the worker's to say: an item that failed
before while others were answered does not.
"""

from __future__ import annotations

THRESHOLD = 10
"""Failures in a row: at a fault rate of one in four, one row in a million."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Breaker:
    """Counts failures in a row that speak of the provider, not of an item."""

    def __init__(self, patience_seconds: float, threshold: int = THRESHOLD) -> None:
        self._threshold = threshold
        self._patience = patience_seconds
        self.in_a_row = 0
        """Failures since the last success."""
        self._failing_since: float | None = None
        self._pause = _FIRST_PAUSE
        self._paused_until = float("-inf")
        self.last_message = ""

    @property
    def open(self) -> bool:
        return self.in_a_row >= self._threshold

    def success(self, sent_at: float) -> None:
        """A call sent at `sent_at` came back; one sent before the trouble proves nothing."""
        if self._failing_since is not None and sent_at < self._failing_since:
            return
        self.in_a_row = 0
        self._failing_since = None
        self._pause = _FIRST_PAUSE

    def failure(self, now: float, message: str, *, away: bool = False) -> None:
        """One more; `away` (nothing even listens there) opens it at once."""
        self.in_a_row = max(self.in_a_row + 1, self._threshold if away else 0)
        self.last_message = message
        if self._failing_since is None:
            self._failing_since = now

    def give_up(self, now: float) -> bool:
        """True when the provider has been away for longer than anyone should wait."""
        return (
            self.open
            and self._failing_since is not None
            and now - self._failing_since >= self._patience
        )

    def next_pause(self, now: float) -> float:
        """Seconds until the next probe; doubles with each probe, not with each of its peers."""
        if now >= self._paused_until:
            self._paused_until = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return self._paused_until - now
