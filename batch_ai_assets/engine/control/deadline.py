"""Deadline: the instant that an SLA means for a batch that was triggered then. Pure.

Where the clock is put forward, a time of day that it skips counts as if it did not; where it is
put back, the first of two counts that still lies ahead.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..spec.base import seconds_of
from ..spec.sla import SlaSpec

_DAYS = 3
"""Among so many days there is always one whose time of day lies ahead."""


def deadline_of(sla: SlaSpec | None, triggered_at: float) -> float | None:
    """UTC seconds since the epoch; None where nobody named a deadline."""
    if sla is None:
        return None
    if sla.within is not None:
        return triggered_at + seconds_of(sla.within)
    assert sla.by is not None
    zone, clock = ZoneInfo(sla.timezone), time.fromisoformat(sla.by)
    day = datetime.fromtimestamp(triggered_at, UTC).astimezone(zone).date()
    instants: list[float] = []
    for ahead in range(_DAYS):
        shown = datetime.combine(day + timedelta(days=ahead), clock, zone)
        first, again = shown.timestamp(), shown.replace(fold=1).timestamp()
        instants += (first, max(first, again))  # `again` is earlier where the clock skips it
    return min(instant for instant in instants if instant > triggered_at)
