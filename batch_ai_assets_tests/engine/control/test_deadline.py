"""A deadline is the instant that its job means, also in nights in which the clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.deadline import deadline_of
from batch_ai_assets.engine.spec.sla import SlaSpec

HOUR = 3600.0


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def by(clock: str, zone: str = "Europe/Paris") -> SlaSpec:
    return SlaSpec(by=clock, timezone=zone)


def test_a_job_without_an_sla_has_no_deadline() -> None:
    assert deadline_of(None, 0.0) is None


@pytest.mark.parametrize(
    ("within", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800)]
)
def test_within_counts_from_the_trigger(within: str, seconds: float) -> None:
    assert deadline_of(SlaSpec(within=within), 1000.0) == 1000.0 + seconds


@pytest.mark.parametrize(
    ("clock", "triggered", "due"),
    [
        # Winter: Paris is one hour ahead of UTC.
        ("07:00", "2026-01-15 01:00", "2026-01-15 06:00"),
        ("07:00", "2026-01-15 06:00", "2026-01-16 06:00"),
        ("07:00", "2026-01-15 20:00", "2026-01-16 06:00"),
        # The night of 29 March 2026: 02:00 to 03:00 does not exist, 07:00 is 05:00 UTC.
        ("07:00", "2026-03-28 20:00", "2026-03-29 05:00"),
        ("02:30", "2026-03-28 20:00", "2026-03-29 01:30"),
        ("02:30", "2026-03-29 02:00", "2026-03-30 00:30"),
        # The night of 25 October 2026: 02:00 to 03:00 comes twice, 07:00 is 06:00 UTC.
        ("07:00", "2026-10-24 20:00", "2026-10-25 06:00"),
        ("02:30", "2026-10-24 20:00", "2026-10-25 00:30"),
        ("02:30", "2026-10-25 00:45", "2026-10-25 01:30"),
        ("02:30", "2026-10-25 01:45", "2026-10-26 01:30"),
    ],
)
def test_by_is_the_next_time_that_the_clock_shows_it(clock: str, triggered: str, due: str) -> None:
    assert deadline_of(by(clock), utc(triggered)) == utc(due)


@given(
    st.floats(utc("2026-01-01"), utc("2027-01-01")),
    st.integers(0, 23),
    st.sampled_from(("Europe/Paris", "America/New_York", "Asia/Kolkata", "UTC")),
)
def test_by_lies_ahead_and_no_more_than_a_day_and_an_hour(
    triggered: float, hour: int, zone: str
) -> None:
    due = deadline_of(by(f"{hour:02}:30", zone), triggered)
    assert due is not None
    assert triggered < due <= triggered + 25 * HOUR
