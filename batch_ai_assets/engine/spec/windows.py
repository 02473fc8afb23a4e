"""Windows: the spans of time that a timed job's batches stand for, and the keys that name them.

Pure. What belongs to a window is chosen in `engine/intake`; when a batch is started, in
`batch_ai_assets/schedules.py`. Windows of one job leave no gap and share no instant: where the
clock is put back or forward, days are 25 or 23 hours long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .batches import BatchesSpec, Weekday
from .calendar import last_business_day, last_day
from .job import JobSpec

WEEKDAYS: tuple[Weekday, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
KEY_FORMATS = {
    "hourly": "%Y-%m-%d-%H", "daily": "%Y-%m-%d", "weekly": "%Y-%m-%d", "monthly": "%Y-%m",
}  # fmt: skip
"""How the key of a window is made of its first instant; hourly in UTC, the others local."""
_KEY_SHAPES = {
    "hourly": re.compile(r"(\d{4})-(\d\d)-(\d\d)-(\d\d)"),
    "daily": re.compile(r"(\d{4})-(\d\d)-(\d\d)"),
    "weekly": re.compile(r"(\d{4})-(\d\d)-(\d\d)"),
    "monthly": re.compile(r"(\d{4})-(\d\d)"),
}
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` on, up to and without `until`; both in UTC."""

    since: datetime
    until: datetime

    def holds(self, instant: float) -> bool:
        """Whether an instant, seconds since the epoch, lies in it."""
        return self.since.timestamp() <= instant < self.until.timestamp()


def window_named(batches: BatchesSpec, key: str) -> Window | None:
    """The window of this key; None where no window of this cadence is called so."""
    shape = _KEY_SHAPES[batches.cadence].fullmatch(key)
    if shape is None:
        return None
    numbers = [int(number) for number in shape.groups()]
    try:
        if batches.cadence == "hourly":
            begin = datetime(numbers[0], numbers[1], numbers[2], numbers[3], tzinfo=UTC)
            return Window(begin, begin + _HOUR)
        # 1 for the day of a month, which its key leaves out.
        day = date(numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 1)
        if batches.cadence == "weekly" and day.weekday() != _weekday(batches):
            return None
        return _window_from(batches, day)
    except (ValueError, OverflowError):
        return None


def key_of(batches: BatchesSpec, window: Window) -> str:
    """The key that names this window."""
    zone = _zone(batches)
    here = window.since.astimezone(zone)
    if _closes_by_itself(batches):
        # It begins where the month before was closed, and is called by the month that it closes.
        here = window.until.astimezone(zone)
    return here.strftime(KEY_FORMATS[batches.cadence])


def window_at(batches: BatchesSpec, instant: datetime) -> Window:
    """The window that holds this instant: the one that runs now."""
    if batches.cadence == "hourly":
        begin = instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return Window(begin, begin + _HOUR)
    day = instant.astimezone(_zone(batches)).date()
    if batches.cadence == "weekly":
        day -= timedelta(days=(day.weekday() - _weekday(batches)) % 7)
    elif batches.cadence == "monthly":
        day = day.replace(day=1)
    window = _window_from(batches, day)
    if _closes_by_itself(batches) and instant >= window.until:
        return _window_from(batches, _next_month(day))
    return window


def windows_before(batches: BatchesSpec, instant: datetime) -> Iterator[Window]:
    """Windows that were over at `instant`, the newest first, back to `batches.start`."""
    window = window_at(batches, instant)
    while True:
        window = _previous(batches, window)
        # Keys of one job sort as time does.
        if key_of(batches, window) < first_key(batches):
            return
        yield window


def first_key(batches: BatchesSpec) -> str:
    """The key of the first window: the first to begin on `batches.start` or later."""
    start = batches.start
    if batches.cadence == "weekly":
        start += timedelta(days=(_weekday(batches) - start.weekday()) % 7)
    elif batches.cadence == "monthly" and start.day > 1:
        start = _next_month(start)
    return datetime.combine(start, time.min).strftime(KEY_FORMATS[batches.cadence])


def starts_at(batches: BatchesSpec, window: Window) -> datetime:
    """When the schedule starts the batch of this window; never before the window is over."""
    if batches.cadence == "hourly":
        return window.until + timedelta(minutes=_clock(batches).minute)
    if _closes_by_itself(batches):
        return window.until
    day = window.until.astimezone(_zone(batches)).date()
    if batches.cadence == "monthly" and isinstance(batches.day, int):
        day = day.replace(day=batches.day)
    return max(_instant(batches, day, _clock(batches)), window.until)


def next_due(batches: BatchesSpec, instant: datetime) -> Window:
    """The window that is started next: the oldest whose hour has not come."""
    window = window_at(batches, instant)
    if key_of(batches, window) < first_key(batches):
        return window_named(batches, first_key(batches)) or window
    while starts_at(batches, before := _previous(batches, window)) > instant:
        if key_of(batches, before) < first_key(batches):
            break
        window = before
    return window


def key_example(batches: BatchesSpec) -> str:
    """How a key of this job looks, for messages."""
    if batches.cadence == "hourly":
        return "write an hour in UTC as 2026-11-22-14"
    if batches.cadence == "monthly":
        return "write a month as 2026-11"
    if batches.cadence == "weekly":
        monday = date(2026, 11, 16) + timedelta(days=_weekday(batches))
        return f"write the {batches.weekday} on which a week begins, such as {monday}"
    return "write a day as 2026-11-22"


def takes_what_is_there(job: JobSpec) -> bool:
    """Whether every batch reads all that there is when it runs, whatever the batch is called.

    A path or a query that names the batch, and another asset's batch, are the same at any time.
    """
    source = job.input
    if job.batches.window != "snapshot" or source.asset is not None:
        return False
    if source.sql is not None:
        return re.search(r":(batch|since|until)\b", source.sql.query) is None
    return re.search(r"\{(date|batch)\}", source.path or "") is None


def _window_from(batches: BatchesSpec, day: date) -> Window:
    """The window that the day stands for: that day, the week or the month that begins with it."""
    if batches.cadence == "monthly":
        after = _next_month(day)
        if _closes_by_itself(batches):
            return Window(_close(batches, day - timedelta(days=1)), _close(batches, day))
    else:
        after = day + timedelta(days=7 if batches.cadence == "weekly" else 1)
    return Window(_instant(batches, day), _instant(batches, after))


def _previous(batches: BatchesSpec, window: Window) -> Window:
    return window_at(batches, window.since - timedelta(microseconds=1))


def _closes_by_itself(batches: BatchesSpec) -> bool:
    """Whether a month is over at a close of its own, rather than at midnight."""
    return batches.cadence == "monthly" and not isinstance(batches.day, int)


def _close(batches: BatchesSpec, of: date) -> datetime:
    """When the month of this day is closed."""
    day = last_day(of) if batches.day == "last_day" else last_business_day(of)
    return _instant(batches, day, _clock(batches))


def _next_month(day: date) -> date:
    return last_day(day) + timedelta(days=1)


def _instant(batches: BatchesSpec, day: date, clock: time = time.min) -> datetime:
    """This time of this day where the job lives; one that the clock skips, as if it did not."""
    return datetime.combine(day, clock, _zone(batches)).astimezone(UTC)


def _zone(batches: BatchesSpec) -> ZoneInfo:
    return ZoneInfo("UTC" if batches.cadence == "hourly" else batches.timezone)


def _clock(batches: BatchesSpec) -> time:
    return time.fromisoformat(batches.at)


def _weekday(batches: BatchesSpec) -> int:
    return WEEKDAYS.index(batches.weekday)
