"""SlaSpec: when a batch must be complete, and what is done where it may not be. Shapes only.

The instant that a deadline means is worked out in `engine/control/deadline.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .base import ClockTime, Model, known_zone, seconds_of

Capacity = Literal["none", "raise_priority"]


class SlaSpec(Model):
    """How long a batch may take: `within` a span, or `by` a time of day. Frozen when the batch is
    triggered."""

    within: str | None = Field(default=None, pattern=r"^\d{1,6}(\.\d{1,3})?[smhd]$")
    """For example `90s`, `30m`, `4h`, from the trigger of the batch."""
    by: ClockTime | None = None
    """The next time of day after the trigger, for example 07:00, in `timezone`."""
    timezone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    """Of `by`: an IANA time zone, such as Europe/Paris."""
    capacity: Capacity = "raise_priority"
    """What is done when 90 % of the time is gone. `raise_priority`: the batch gets the share
    of an urgent job in its provider's limits, and `limits.most_concurrency`; `none`: people are
    told, no more."""

    @model_validator(mode="after")
    def _one_of_both(self) -> SlaSpec:
        if (self.within is None) == (self.by is None):
            raise ValueError("write either within, such as 4h, or by, such as 07:00")
        if self.within is not None and seconds_of(self.within) <= 0:
            raise ValueError(f"within: {self.within} leaves no time; write such as 4h")
        return self

    @property
    def words(self) -> str:
        """For people: `4h`, or `by 07:00 (Europe/Paris)`."""
        return self.within if self.within is not None else f"by {self.by} ({self.timezone})"
