"""BatchesSpec: how documents are gathered into batches, and when a batch runs. Shapes only.

The keys that a cadence gives its batches are in `batch_ai_assets/partitions.py`, the decision to
run in `engine/control`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, field_validator, model_validator

from .base import ClockTime, Duration, Model, NonEmpty, Size, known_zone

Cadence = Literal["manual", "hourly", "daily", "weekly", "monthly", "on_arrival"]
TIMED: tuple[Cadence, ...] = ("hourly", "daily", "weekly", "monthly")
"""Cadences whose batches are windows of time."""
Weekday = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]  # fmt: skip
Window = Literal["path", "column", "file_time", "snapshot"]

_DAYS_AHEAD = 366


class ArrivalSpec(Model):
    """on_arrival: what makes a batch of the documents that have arrived; the first one counts."""

    items: PositiveInt | None = None
    """So many items are waiting."""
    bytes: Size | None = None
    """So much is waiting, for example 10MB."""
    age: Duration | None = None
    """The oldest one has been waiting so long, for example 15m."""
    flag: NonEmpty | None = None
    """This file has appeared, or changed: whoever delivers says that it is all there. Relative
    to the job folder; `{home}` is filled in."""
    calendar: NonEmpty | None = None
    """A file beside `job.yaml` with one day (2026-11-30) on each line; `last_day` or
    `last_business_day` for the ends of months. On those days, at `batches.at`."""
    most_items: PositiveInt = 100_000
    """A batch takes no more than this, the oldest first; a single file is never split."""

    @model_validator(mode="after")
    def _some_trigger(self) -> ArrivalSpec:
        if not any((self.items, self.bytes, self.age, self.flag, self.calendar)):
            raise ValueError("name at least one of items, bytes, age, flag and calendar")
        return self


class StartWindow(Model):
    """Off-peak hours; `until` may lie on the next morning."""

    since: ClockTime = Field(alias="from")
    """From this time of day on, for example 22:00."""
    until: ClockTime
    """Up to this time of day, for example 06:00."""

    @model_validator(mode="after")
    def _not_empty(self) -> StartWindow:
        if self.since == self.until:
            raise ValueError(f"begins and ends at {self.since}; for any time leave it out")
        return self

    def holds(self, clock: str) -> bool:
        """Whether a batch may start at this time of day, HH:MM."""
        if self.since < self.until:
            return self.since <= clock < self.until
        return clock >= self.since or clock < self.until

    @property
    def hours(self) -> float:
        """How long they are on a day without a change of the clock."""
        (hour, minute), (to_hour, to_minute) = (
            map(int, clock.split(":")) for clock in (self.since, self.until)
        )
        return ((to_hour * 60 + to_minute - hour * 60 - minute) % 1440) / 60


class BatchesSpec(Model):
    """How documents are gathered into batches."""

    cadence: Cadence = "manual"
    """`manual`: a batch whenever somebody asks for one; `hourly`, `daily`, `weekly`, `monthly`:
    one for each window of time; `on_arrival`: whenever enough has arrived (`arrival`)."""
    window: Window = "snapshot"
    """Which items belong to the batch of a window: those under a dated path, those whose
    `input.updated_at` or whose file time lies in it, or all that is there when it runs."""
    start: date = date(2026, 1, 1)
    """The first window begins on this day, a year ahead at most."""
    at: ClockTime = "02:00"
    """When the schedule fires, such as 02:00, local time in `timezone`; hourly: its minutes."""
    weekday: Weekday = "monday"
    """weekly: the day on which a week begins, and on which the batch of the last one runs."""
    day: int | Literal["last_day", "last_business_day"] = 1
    """monthly: the day on which it runs. 1 to 28: the batch of the month before;
    `last_day`, `last_business_day` (Monday to Friday): the batch of the month that closes."""
    timezone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    """An IANA time zone, such as Europe/Paris. Hourly batches are named in UTC."""
    arrival: ArrivalSpec | None = None
    """on_arrival: the thresholds."""
    start_window: StartWindow | None = None
    """Off-peak hours: no schedule or sensor starts a batch outside of them. Who starts one by
    hand is not held back."""
    off_peak: StartWindow | None = None
    """The model is asked within these hours alone: a batch waits for them, pauses at their end
    and goes on in the next, unless its job is urgent or its deadline would be missed."""
    missing_after: Duration = "1h"
    """A window that was due so long ago and has no batch, or an empty one, is an alert."""

    @property
    def timed(self) -> bool:
        """Whether batches are windows of time."""
        return self.cadence in TIMED

    @field_validator("start")
    @classmethod
    def _not_far_ahead(cls, value: date) -> date:
        last = datetime.now(UTC).date() + timedelta(days=_DAYS_AHEAD)
        if value > last:
            raise ValueError(f"{value} is too far ahead; write a day no later than {last}")
        return value

    @field_validator("day")
    @classmethod
    def _day_of_every_month(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 28:
            raise ValueError(f"{value} is not a day of every month; write 1 to 28, or last_day")
        return value

    @model_validator(mode="after")
    def _fits_cadence(self) -> BatchesSpec:
        if not self.timed and self.window != "snapshot":
            raise ValueError(
                f"a batch {self.cadence.replace('_', ' ')} takes what is there: use window:"
                " snapshot, or a cadence such as daily"
            )
        if (self.cadence == "on_arrival") != (self.arrival is not None):
            raise ValueError("arrival and cadence: on_arrival belong together; write both or none")
        if self.timed and self.start_window and not self._starts_inside(self.start_window):
            raise ValueError(
                f"the schedule fires at {self.at}, outside of start_window; choose a time within"
            )
        return self

    def _starts_inside(self, window: StartWindow) -> bool:
        return self.cadence == "hourly" or window.holds(self.at)
