"""Decision: in how many weeks a batch of a job will no longer fit its time. Pure.

The trend is the median of the slopes between all pairs of batches (Theil and Sen): one odd batch
does not bend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from ..alert import Alert
from ..spec.job import JobSpec
from ..state.past import Past
from .wording import span

OUTGROWS = "outgrows_window"
WARN_BELOW_WEEKS = 4.0
FEWEST = 5
_SHORTEST_SECONDS = 4 * 86_400.0
"""A trend needs so many batches, over so long."""
_WEEK = 7 * 86_400.0
_PERIOD = {"hourly": 3600.0, "daily": 86_400.0, "weekly": _WEEK, "monthly": 30 * 86_400.0}


@dataclass(frozen=True, slots=True)
class Growth:
    """How the batches of a job grow beside the time that they have."""

    seconds: float
    """That a batch takes now, by the trend."""
    seconds_per_week: float
    items_per_week: float
    allowed_seconds: float

    @property
    def weeks(self) -> float | None:
        """Until a batch takes all of its time; None where it does not come to that."""
        if self.seconds >= self.allowed_seconds:
            return 0.0
        if self.seconds_per_week <= 0:
            return None
        return (self.allowed_seconds - self.seconds) / self.seconds_per_week

    @property
    def words(self) -> str:
        """One line."""
        takes = f"a batch takes {span(self.seconds)} of the {span(self.allowed_seconds)} it has"
        if self.weeks is None:
            return f"{takes}, and does not grow out of it"
        return f"{takes}, and grows out of it in {_weeks(self.weeks)}"


def growth(spec: JobSpec, batches: Sequence[Past]) -> Growth | None:
    """From the batches of a job, oldest first; None where they tell no trend, or nothing bounds
    their time: the deadline, the window, and of that only the off-peak hours."""
    if len(batches) < FEWEST:
        return None
    newest = batches[-1].finished_at
    allowed = _allowed(spec, batches[-1])
    if allowed is None or newest - batches[0].finished_at < _SHORTEST_SECONDS:
        return None
    slope = _slope([(one.finished_at, one.seconds) for one in batches])
    level = median(one.seconds - slope * (one.finished_at - newest) for one in batches)
    items = _slope([(one.finished_at, float(one.items)) for one in batches])
    return Growth(max(0.0, level), slope * _WEEK, items * _WEEK, allowed)


def outgrows(job: str, found: Growth | None) -> Alert | None:
    """None where there are four weeks or more."""
    if found is None or found.weeks is None or found.weeks >= WARN_BELOW_WEEKS:
        return None
    return Alert(
        kind=OUTGROWS,
        severity="warning",
        job=job,
        batch="",
        title=f"{job}: its batches outgrow their time in {_weeks(found.weeks)}",
        message=f"{found.words[0].upper()}{found.words[1:]}: each week brings "
        f"{found.items_per_week:+,.0f} documents a batch. Raise limits.concurrency or the "
        "provider's limits, divide the batch, or agree on a later deadline.",
        figures={
            "weeks": found.weeks,
            "seconds": found.seconds,
            "seconds_per_week": found.seconds_per_week,
            "items_per_week": found.items_per_week,
            "allowed_seconds": found.allowed_seconds,
        },
    )


def _allowed(spec: JobSpec, newest: Past) -> float | None:
    bounds = []
    if spec.sla is not None and newest.allowed_seconds is not None:
        bounds.append(newest.allowed_seconds)
    batches = spec.batches
    if batches.timed:
        period = _PERIOD[batches.cadence]
        share = 1.0 if batches.off_peak is None else batches.off_peak.hours / 24
        bounds.append(period * share)
    return min(bounds, default=None)


def _slope(points: Sequence[tuple[float, float]]) -> float:
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0]]
    return median(slopes) if slopes else 0.0


def _weeks(weeks: float) -> str:
    return "less than a week" if weeks < 1 else f"{weeks:.0f} week{'s' if weeks >= 1.5 else ''}"
