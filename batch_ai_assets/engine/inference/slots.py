"""Slots: what this process has booked and not used yet. Pure; the clock is passed in.

A call may leave at the latest of the times at which its slot comes up in each dimension. A slot
that comes up and finds no call waits for a moment, then it is gone: nothing is saved up. Tokens
are taken as they are estimated; a call that takes more than the rest of a span owes it to the
next booking. Times are of the process's own steady clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from ..state.send_slots import Dimension
from .booking import PER, Cost, Span
from .news import Limits

LATE_SECONDS = 0.3
"""A slot that nobody used for so long is dropped."""
NONE = float("inf")
_CRUMB = 2e-6
"""Seconds that are lost where times of the epoch go to another clock and back."""


class _Stretch:
    """One span as it is used up."""

    __slots__ = ("at", "dimension", "end", "per_call", "per_token_in", "per_token_out")

    def __init__(self, span: Span, ahead: float) -> None:
        """`ahead`: of the clock of `span` before the process's own."""
        per_call, per_token_in, per_token_out = PER[span.dimension]
        self.dimension = span.dimension
        self.at, self.end = span.start - ahead, span.end - ahead
        self.per_call = per_call / span.rate
        self.per_token_in = per_token_in / span.rate
        self.per_token_out = per_token_out / span.rate


class _Booking:
    """Spans of several dimensions that were booked together."""

    __slots__ = ("ahead", "calls", "spans", "stretches")

    def __init__(self, spans: Sequence[Span], calls: int, ahead: float) -> None:
        self.spans, self.calls, self.ahead = spans, calls, ahead
        self.stretches = [_Stretch(span, ahead) for span in spans]

    def used_up(self) -> bool:
        """A request needs a whole slot; of tokens any rest will do."""
        for one in self.stretches:
            left = one.end - one.at
            if left < one.per_call - _CRUMB or left < _CRUMB:
                return True
        return False


class Slots:
    """The bookings in hand, in the order they come up."""

    def __init__(self) -> None:
        self._bookings: deque[_Booking] = deque()
        self._last: _Booking | None = None
        self.owed: dict[Dimension, float] = {}
        """Units used beyond what was booked; negative where it was less. For the next booking."""

    def add(self, spans: Sequence[Span], calls: int, ahead: float) -> None:
        """A booking, its times `ahead` of this process's clock."""
        self._last = _Booking(spans, calls, ahead)
        self._bookings.append(self._last)

    def wait(self, now: float) -> float:
        """0.0 and a call may leave; otherwise seconds until one may, NONE where all are used."""
        while self._bookings:
            booking = self._bookings[0]
            latest = booking.stretches[0]
            for one in booking.stretches:
                if one.at > latest.at:
                    latest = one
            if latest.at < now - LATE_SECONDS:
                latest.at = now - LATE_SECONDS
            if not booking.used_up():
                return max(0.0, latest.at - now)
            self._bookings.popleft()
            self._settle(booking)
        return NONE

    def take(self, tokens_in: float, tokens_out: float) -> None:
        """A call leaves: `wait` has just said so."""
        booking = self._bookings[0]
        booking.calls -= 1
        for one in booking.stretches:
            one.at += (
                one.per_call + one.per_token_in * tokens_in + one.per_token_out * tokens_out
            )

    def undo(self, tokens_in: float, tokens_out: float) -> None:
        """A call did not leave after all."""
        if not self._bookings:
            self.correct((-tokens_in, -tokens_out))
            return
        booking = self._bookings[0]
        booking.calls += 1
        for one in booking.stretches:
            one.at -= (
                one.per_call + one.per_token_in * tokens_in + one.per_token_out * tokens_out
            )

    def correct(self, beyond: Cost) -> None:
        """A call took so many tokens more than it was estimated at, sent and answered."""
        for dimension, (_, per_token_in, per_token_out) in PER.items():
            units = per_token_in * beyond[0] + per_token_out * beyond[1]
            self.owed[dimension] = self.owed.get(dimension, 0.0) + units

    def take_owed(self) -> Limits:
        """What is owed; the next booking settles it."""
        owed, self.owed = self.owed, {}
        return owed

    @property
    def calls(self) -> int:
        """For how many calls there are slots."""
        return sum(max(0, booking.calls) for booking in self._bookings)

    @property
    def end(self) -> float:
        """When the last of them come up; long ago where there are none."""
        if not self._bookings:
            return -NONE
        return max(one.end for one in self._bookings[-1].stretches)

    def drop(self) -> list[Span]:
        """Give everything up. What is left of the newest booking, in the clock it was made in."""
        newest = self._bookings.pop() if self._bookings else None
        for booking in self._bookings:
            self._settle(booking)
        self._bookings.clear()
        last, self._last = self._last, None
        if last is None:
            return []
        return [
            replace(span, start=one.at + last.ahead if last is newest else span.end)
            for span, one in zip(last.spans, last.stretches, strict=True)
        ]

    def _settle(self, booking: _Booking) -> None:
        """Tokens that were booked beyond what was taken, or taken beyond it. A request's slot that
        has passed is gone: behind it, others have booked."""
        for span, one in zip(booking.spans, booking.stretches, strict=True):
            if span.dimension is not Dimension.REQUESTS:
                units = (one.at - one.end) * span.rate
                self.owed[span.dimension] = self.owed.get(span.dimension, 0.0) + units
