"""Projection: when a batch will have asked about everything, from how it went lately. Pure.

The pace is that of the last minutes, not of the whole batch: a retry sweep is slower than the pass
before it, and a restart begins again. The samples are in the state store (`state/paces.py`), so
that a restart knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from ..spec.job import RetrySpec
from ..state.paces import Sample

RECENT_SECONDS = 120.0
_SLOWEST = 0.5
"""Of the usual pace, where there is too little to tell how it varies."""
_FASTEST = 1.25


@dataclass(frozen=True, slots=True)
class Span:
    """A quantity with its range; of work that is left in seconds, or of instants."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True)
class Projection:
    """How far a version is, how fast it is, and how much work is left."""

    at: float
    """When the newest sample was taken."""
    done: int
    left: int
    per_second: float
    """Items, lately; 0.0 where there is no pace."""
    work: Span | None
    """Seconds until the last answer, counted from `at`; None where there is no pace."""

    @property
    def percent(self) -> float:
        total = self.done + self.left
        return 100.0 * self.done / total if total else 100.0

    @property
    def items_per_hour(self) -> float:
        return self.per_second * 3600

    def ends(self, now: float, *, at_work: bool) -> Span | None:
        """When it will be done: from now on where nobody works on it at present."""
        if self.work is None:
            return None
        since = self.at if at_work else now
        return Span(*(max(now, since + one) for one in _values(self.work)))


def projection(samples: Sequence[Sample], retry: RetrySpec) -> Projection | None:
    """From samples of one version, oldest first; None without any."""
    if not samples:
        return None
    last = samples[-1]
    if not last.left:
        return Projection(last.at, last.done, 0, 0.0, Span(0.0, 0.0, 0.0))
    pace = _pace(samples)
    if pace is None:
        return Projection(last.at, last.done, last.left, 0.0, None)
    pauses = sum(
        min(retry.max_seconds, retry.base_seconds * 2**sweep)
        for sweep in range(min(retry.max_attempts - 1, 30))
    )
    work = Span(
        last.left / pace.high,
        last.left / pace.likely + pauses / 2,
        last.left / pace.low + pauses + retry.timeout_seconds,
    )
    return Projection(last.at, last.done, last.left, pace.likely, work)


def _values(span: Span) -> tuple[float, float, float]:
    return span.low, span.likely, span.high


def _pace(samples: Sequence[Sample]) -> Span | None:
    """Items per second of the last minutes at work; a pause between runs does not count."""
    steps = [
        (after.at - before.at, max(0, after.done - before.done))
        for before, after in pairwise(samples)
        if after.run_id == before.run_id and after.at > before.at
    ]
    recent: list[tuple[float, int]] = []
    seconds = 0.0
    for step in reversed(steps):
        if seconds >= RECENT_SECONDS:
            break
        recent.append(step)
        seconds += step[0]
    usual = _quantile(recent, 0.5) or _mean(recent[: len(recent) // 2 + 1]) or _mean(recent)
    if not usual or not isfinite(usual):
        return None
    if len(recent) < 3:
        return Span(_SLOWEST * usual, usual, _FASTEST * usual)
    slow = _quantile(recent, 0.25) or _SLOWEST * usual
    return Span(min(slow, usual), usual, max(_quantile(recent, 0.75), usual))


def _mean(steps: Sequence[tuple[float, int]]) -> float:
    seconds = sum(step[0] for step in steps)
    return sum(step[1] for step in steps) / seconds if seconds else 0.0


def _quantile(steps: Sequence[tuple[float, int]], share: float) -> float:
    """The pace that so large a share of the time was slower than, or as slow."""
    paces = sorted((done / seconds, seconds) for seconds, done in steps)
    wanted, passed = share * sum(seconds for _, seconds in paces), 0.0
    for pace, seconds in paces:
        passed += seconds
        if passed >= wanted:
            return pace
    return 0.0
