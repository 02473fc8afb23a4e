"""Booking: what a process may book on the page of a provider key. Pure; the clock is passed in.

A booking is a stretch of the future that belongs to one process: in each dimension it begins where
the last one ended, or, after a pause, a moment ago. So all processes together never pass the rate,
whoever they are and however they interleave, and nothing is left over while anyone waits. Who gets
how long a stretch goes by weight: priority, and how long the process has kept a call waiting.

Figures in, figures out; times are of the page's clock. Where the page lies is
`state/send_slots.py`'s, how high the rate is `rates.py`'s, how a booking is used `slots.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..state.send_slots import Asker, Dimension, Page, Track
from .news import Limits
from .rates import at_time, rates

BURST_SECONDS = 0.1
"""A booking may begin so long ago: a process that was late to book catches up, no more."""
SLICE_SECONDS = 0.25
"""The processes that wait share out about this much at a time."""
IDLE_SECONDS = 0.05
"""Where no more than this is booked, not everybody takes his share: anyone may have as much."""
COUNTS_SECONDS = 1.0
"""A process has its share for so long after its last slot, unless it asks again."""
AGEING_SECONDS = 10.0
"""A call that has waited so long makes its process weigh twice as much."""
WEIGHTS: Mapping[str, float] = {"low": 1.0, "normal": 4.0, "high": 16.0, "urgent": 64.0}

Cost = tuple[float, float]
"""Tokens of one call: sent, and answered."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is booked in one dimension: from `start` to `end`, at `rate` units per second."""

    dimension: Dimension
    start: float
    end: float
    rate: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What one process would like to book."""

    process: str
    priority: str
    waited: float
    """How long its first call has been waiting, seconds."""
    waiting: Sequence[Cost]
    """The calls that wait and have no slot, first come first."""
    expected: int
    """How many calls a slice brings, as far as one can tell."""
    usual: Cost
    """What a call of this process mostly costs."""
    declared: Limits
    """What `providers.yaml` says."""
    owed: Limits
    """Units used beyond what was booked before; negative where it was less."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What it got. Times are the page's."""

    spans: tuple[Span, ...]
    """Empty: nothing for now."""
    calls: int
    ask_at: float
    """When to ask again, where it got nothing."""
    held_until: float
    rates: Limits
    """What is kept to; empty where no limit is known, and everything may leave."""
    share: float
    """This process's part of all that ask."""
    askers: int
    """How many ask."""
    contended: bool
    """Others ask as well, and time is booked up: only calls that wait may book."""


def charge(dimension: Dimension, cost: Cost) -> float:
    """Units of `dimension` that a call of this cost takes."""
    per_call, per_token_in, per_token_out = PER[dimension]
    return per_call + per_token_in * cost[0] + per_token_out * cost[1]


PER: Mapping[Dimension, tuple[float, float, float]] = {
    Dimension.REQUESTS: (1.0, 0.0, 0.0),
    Dimension.TOKENS: (0.0, 1.0, 1.0),
    Dimension.TOKENS_IN: (0.0, 1.0, 0.0),
    Dimension.TOKENS_OUT: (0.0, 0.0, 1.0),
}
"""Units of each dimension per call, per token sent, per token answered."""


def book(page: Page, wish: Wish, now: float) -> tuple[Page, Grant]:
    """Book for `wish` what is its turn now."""
    page = at_time(page, now)
    limits = rates(page, wish.declared, now)
    tats = {d: _tat(page, d) + wish.owed.get(d, 0.0) / limits[d] for d in limits}
    # A call needs all dimensions: what one of them has before the latest begins is out of reach.
    start = max([page.held_until, *(max(tat, now - BURST_SECONDS) for tat in tats.values())])
    others = {
        name: asker
        for name, asker in page.askers.items()
        if name != wish.process and asker.until > now
    }
    me = page.askers.get(wish.process, Asker(wish.priority, 0.0, 0.0, 0.0))
    me = replace(me, since=now - wish.waited)
    share = weight(me, now) / sum(weight(one, now) for one in (me, *others.values()))
    contended, asking = bool(others) and start > now, 1 + len(others)
    calls = list(wish.waiting)
    if not contended:
        calls += [wish.usual] * (wish.expected - len(calls))
    if not limits or not calls:
        return page, Grant((), 0, now, page.held_until, limits, share, asking, contended)

    each = _seconds_per_call(calls, limits)
    idle = start - IDLE_SECONDS
    turn, due = _turn(me.paid_until - now, each / share, IDLE_SECONDS / each if idle <= now else 0)
    calls = calls[: turn if others else max(1, int(SLICE_SECONDS / each))]
    spans = []
    for dimension, limit in limits.items():
        begin = max(tats[dimension], max(start, now) - BURST_SECONDS)
        units = sum(charge(dimension, cost) for cost in calls)
        tats[dimension] = begin + units / limit
        spans.append(Span(dimension, begin, tats[dimension], limit))
    end = max(tats.values())
    me = replace(
        me,
        paid_until=max(me.paid_until, now) + len(calls) * each / share,
        until=(end if calls else max(start, now)) + COUNTS_SECONDS,
    )
    page = replace(
        page,
        tracks={**page.tracks, **{d: replace(_track(page, d), tat=tats[d]) for d in tats}},
        askers={**others, wish.process: me},
    )
    ask_at = min(max(idle, now), now + due)
    if not calls:
        return page, Grant((), 0, ask_at, page.held_until, limits, share, asking, contended)
    return page, Grant(
        tuple(spans), len(calls), ask_at, page.held_until, limits, share, asking, contended
    )


def _turn(paid: float, each: float, idle: float) -> tuple[int, float]:
    """How many calls a process may book now, and in how many seconds one more.

    `paid`: for how long it has used up its share; `each`: how long its share takes for a call. It
    may be a slice ahead, or a call where that is longer, so that weights hold for slow providers
    too; `idle`: so many calls are anybody's.
    """
    burst = max(SLICE_SECONDS, each)
    paid = max(0.0, paid)
    turn = int((burst - paid) / each + 1e-6)
    if idle > 0.0:
        turn = max(turn, 1, int(idle))
    return max(0, turn), paid + each - burst


def weight(asker: Asker, now: float) -> float:
    """Priority, and age: whoever is kept waiting weighs more and more, so nobody starves."""
    waited = max(0.0, now - asker.since)
    return WEIGHTS.get(asker.priority, WEIGHTS["normal"]) * (1.0 + waited / AGEING_SECONDS)


def give_back(page: Page, process: str, unused: Sequence[Span], owed: Limits, now: float) -> Page:
    """A process leaves. What it booked and will not use flows back where nobody booked behind it.

    `unused`: from where it stopped to where its last booking ended; the other way round where its
    last call took more than was booked.
    """
    page = at_time(page, now)
    tracks = dict(page.tracks)
    for span in unused:
        track = _track(page, span.dimension)
        tat = track.tat + owed.get(span.dimension, 0.0) / span.rate
        newest = abs(track.tat - span.end) < _SAME_SECONDS
        if newest or span.dimension is not Dimension.REQUESTS:
            tat += span.start - span.end
        tracks[span.dimension] = replace(track, tat=tat)
    askers = {name: asker for name, asker in page.askers.items() if name != process}
    return replace(page, tracks=tracks, askers=askers)


_SAME_SECONDS = 2e-6
"""Times of the epoch went to another clock and back: so much may be lost on the way."""


def _seconds_per_call(calls: Sequence[Cost], limits: Limits) -> float:
    """How long one of these calls takes in the dimension that is shortest, on average."""
    return max(
        1e-9,
        *(sum(charge(d, cost) for cost in calls) / limits[d] / len(calls) for d in limits),
    )


def _track(page: Page, dimension: Dimension) -> Track:
    return page.tracks.get(dimension) or Track()


def _tat(page: Page, dimension: Dimension) -> float:
    return _track(page, dimension).tat
