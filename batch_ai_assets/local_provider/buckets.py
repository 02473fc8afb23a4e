"""Rate limits as a provider enforces them: requests and tokens per minute, as token buckets.

A bucket refills at its rate and holds `burst_seconds` worth (1 second unless told otherwise, and
at least one unit). A request is let in while its buckets are above zero and then takes its whole
cost, into debt where need be; so over any stretch of t seconds at most
rate × (t + burst_seconds) + one request get through, and a client that paces itself at the exact
rate is never refused for a few milliseconds of jitter. A request is charged its estimated prompt
tokens when it comes in and the difference to its usage once that is known.

Here: arithmetic over a clock that is passed in. Not here: HTTP, but for the header texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


class Bucket:
    """One rate per minute."""

    def __init__(self, per_minute: int, burst_seconds: float, now: float) -> None:
        self.per_minute = per_minute
        self.rate = per_minute / 60.0
        self.capacity = max(1.0, self.rate * burst_seconds)
        self._level = self.capacity
        self._at = now

    def level(self, now: float) -> float:
        """Units left at `now` (seconds of a monotonic clock); negative in debt."""
        if now > self._at:
            self._level = min(self.capacity, self._level + (now - self._at) * self.rate)
            self._at = now
        return self._level

    def take(self, cost: float) -> None:
        """Take units, into debt where need be; a negative cost gives back."""
        self._level = min(self.capacity, self._level - cost)

    def wait_seconds(self, now: float) -> float:
        """Seconds until a request would be let in; 0 where it would be now."""
        level = self.level(now)
        return 0.0 if level > 0 else -level / self.rate + 0.001

    def reset_seconds(self, now: float) -> float:
        """Seconds until the bucket is full."""
        return (self.capacity - self.level(now)) / self.rate


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit refused a request, and for how long."""

    limit: str
    """`requests` or `tokens`."""
    per_minute: int
    retry_after_seconds: float


class RateLimits:
    """The two buckets of a key; either may be missing."""

    def __init__(self, rpm: int | None, tpm: int | None, burst_seconds: float, now: float) -> None:
        self.requests = None if rpm is None else Bucket(rpm, burst_seconds, now)
        self.tokens = None if tpm is None else Bucket(tpm, burst_seconds, now)
        self.active = rpm is not None or tpm is not None

    def admit(self, tokens: int, now: float) -> Refusal | None:
        """Let a request of about `tokens` tokens in and charge it, or say why not."""
        refusals = [
            Refusal(name, bucket.per_minute, wait)
            for name, bucket in (("requests", self.requests), ("tokens", self.tokens))
            if bucket is not None and (wait := bucket.wait_seconds(now)) > 0
        ]
        if refusals:
            return max(refusals, key=lambda refusal: refusal.retry_after_seconds)
        if self.requests is not None:
            self.requests.take(1)
        if self.tokens is not None:
            self.tokens.take(tokens)
        return None

    def settle(self, tokens: int) -> None:
        """Charge `tokens` more (fewer where negative), once the usage of a request is known."""
        if self.tokens is not None:
            self.tokens.take(tokens)

    def headers(self, now: float) -> bytes:
        """The `x-ratelimit-*` lines, for example `x-ratelimit-reset-requests: 120ms`."""
        lines = ""
        for name, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            if bucket is not None:
                lines += (
                    f"x-ratelimit-limit-{name}: {bucket.per_minute}\r\n"
                    f"x-ratelimit-remaining-{name}: {max(0, math.floor(bucket.level(now)))}\r\n"
                    f"x-ratelimit-reset-{name}: {duration(bucket.reset_seconds(now))}\r\n"
                )
        return lines.encode()


def duration(seconds: float) -> str:
    """A time as OpenAI writes it: `20ms`, `1.5s`, `6m0s`."""
    milliseconds = math.ceil(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds / 1000, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
