"""Decision: whether a batch waits for its off-peak hours, and how far it comes within them. Pure.

The hours are what a clock on the wall shows: in the night in which it is put back, an hour that
comes twice is open twice; in the one in which it skips an hour, that hour is not there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, inf
from zoneinfo import ZoneInfo

from ..spec.batches import BatchesSpec, StartWindow

_MINUTE = 60.0
_DAYS = 40 * 86_400.0
"""No wait is looked at beyond."""


def is_open(hours: StartWindow, zone: str, now: float) -> bool:
    """Whether calls may be made at this instant."""
    return hours.holds(f"{datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)):%H:%M}")


def opens_at(hours: StartWindow, zone: str, now: float) -> float:
    """When the hours are on: `now`, or the minute at which they begin next."""
    at = now
    while not is_open(hours, zone, at) and at < now + _DAYS:
        at = (floor(at / _MINUTE) + 1) * _MINUTE
    return at


def done_at(hours: StartWindow, zone: str, since: float, seconds: float, latest: float) -> float:
    """When `seconds` of work are done that is begun at `since` and goes on in these hours alone;
    infinity where that is later than `latest`."""
    at, left = since, seconds
    while at <= min(latest, since + _DAYS):
        if not is_open(hours, zone, at):
            at = opens_at(hours, zone, at)
            continue
        step = (floor(at / _MINUTE) + 1) * _MINUTE - at
        if left <= step:
            return at + left if at + left <= latest else inf
        left -= step
        at += step
    return inf


def waits_until(
    batches: BatchesSpec,
    *,
    urgent: bool,
    now: float,
    deadline_at: float | None,
    seconds: float | None,
) -> float | None:
    """When the hours begin that a batch waits for; None where it may ask now.

    The deadline wins over the hours: a batch that would miss it by waiting goes on. `seconds`: how
    much work is left; None: nobody knows, then it waits for hours that begin before half of its
    time is gone.
    """
    hours = batches.off_peak
    if hours is None or urgent or is_open(hours, batches.timezone, now):
        return None
    begins = opens_at(hours, batches.timezone, now)
    if deadline_at is None:
        return begins
    if seconds is None:
        return begins if begins - now <= (deadline_at - now) / 2 else None
    in_time = done_at(hours, batches.timezone, begins, seconds, deadline_at) < inf
    return begins if in_time else None
