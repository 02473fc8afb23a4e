from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.spec.batches import BatchesSpec
from batch_ai_assets.engine.spec.windows import (
    WEEKDAYS,
    first_key,
    key_of,
    next_due,
    starts_at,
    window_named,
    windows_before,
)

ZONES = (
    "UTC", "Europe/Paris", "America/New_York", "America/Havana", "Africa/Cairo", "Asia/Kolkata",
    "Australia/Lord_Howe", "Pacific/Auckland",
)  # fmt: skip


def timed(cadence: str, **more: Any) -> BatchesSpec:
    return BatchesSpec.model_validate({"cadence": cadence, "start": "2024-01-01", **more})


def span(batches: BatchesSpec, key: str) -> tuple[str, str]:
    """Both ends of a window as its job's clock shows them."""
    window = window_named(batches, key)
    assert window is not None
    zone = ZoneInfo(batches.timezone)
    ends = (window.since.astimezone(zone), window.until.astimezone(zone))
    return ends[0].strftime("%m-%d %H:%M"), ends[1].strftime("%m-%d %H:%M")


@st.composite
def timed_batches(draw: st.DrawFn) -> BatchesSpec:
    return timed(
        draw(st.sampled_from(("hourly", "daily", "weekly", "monthly"))),
        timezone=draw(st.sampled_from(ZONES)),
        weekday=draw(st.sampled_from(WEEKDAYS)),
        day=draw(st.one_of(st.integers(1, 28), st.sampled_from(("last_day", "last_business_day")))),
        at=draw(st.times()).strftime("%H:%M"),
    )


@given(timed_batches(), st.datetimes(datetime(2024, 4, 1), datetime(2028, 1, 1)))
def test_windows_of_a_job_follow_each_other_without_a_gap_and_share_no_instant(
    batches: BatchesSpec, moment: datetime
) -> None:
    newest_first = list(islice(windows_before(batches, moment.replace(tzinfo=UTC)), 40))

    for later, earlier in pairwise(newest_first):
        assert earlier.since < earlier.until == later.since


@given(timed_batches(), st.datetimes(datetime(2024, 4, 1), datetime(2028, 1, 1)))
def test_a_key_names_its_window_and_no_other_and_keys_sort_as_time_does(
    batches: BatchesSpec, moment: datetime
) -> None:
    windows = list(islice(windows_before(batches, moment.replace(tzinfo=UTC)), 40))
    keys = [key_of(batches, window) for window in windows]

    assert [window_named(batches, key) for key in keys] == windows
    assert keys == sorted(set(keys), reverse=True)


@given(timed_batches(), st.datetimes(datetime(2024, 4, 1), datetime(2028, 1, 1)))
def test_a_batch_starts_when_its_window_is_over_and_before_the_next_one_is(
    batches: BatchesSpec, moment: datetime
) -> None:
    newest_first = islice(windows_before(batches, moment.replace(tzinfo=UTC)), 5)
    for later, earlier in pairwise(newest_first):
        assert earlier.until <= starts_at(batches, earlier) < later.until


@given(timed_batches(), st.datetimes(datetime(2023, 11, 1), datetime(2028, 1, 1)))
def test_the_batch_that_is_due_next_is_the_first_whose_hour_has_not_come(
    batches: BatchesSpec, moment: datetime
) -> None:
    now = moment.replace(tzinfo=UTC)
    window = next_due(batches, now)
    started = next((w for w in windows_before(batches, now) if starts_at(batches, w) <= now), None)

    assert starts_at(batches, window) > now
    assert key_of(batches, window) >= first_key(batches)
    if started is None:
        assert key_of(batches, window) == first_key(batches)
    else:
        assert window.since == started.until


def test_a_day_is_from_midnight_to_midnight_where_the_job_lives_23_or_25_hours_at_times() -> None:
    paris = timed("daily", timezone="Europe/Paris")

    def hours(key: str) -> float:
        window = window_named(paris, key)
        assert window is not None
        return (window.until - window.since).total_seconds() / 3600

    assert span(paris, "2026-11-22") == ("11-22 00:00", "11-23 00:00")
    assert [hours(key) for key in ("2026-03-29", "2026-10-25", "2026-10-26")] == [23, 25, 24]


def test_an_hour_is_an_hour_in_utc_so_that_none_is_named_twice_when_clocks_go_back() -> None:
    paris = timed("hourly", timezone="Europe/Paris")

    window = window_named(paris, "2026-10-25-00")
    assert window is not None
    assert window.since == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert window.until == datetime(2026, 10, 25, 1, tzinfo=UTC)


def test_a_week_begins_on_the_jobs_own_weekday() -> None:
    friday = timed("weekly", weekday="friday", timezone="America/New_York")

    assert span(friday, "2026-11-20") == ("11-20 00:00", "11-27 00:00")
    assert window_named(friday, "2026-11-21") is None
    assert first_key(friday) == "2024-01-05"


def test_a_month_run_on_one_of_its_days_is_the_calendar_month_before() -> None:
    monthly = timed("monthly", day=5, timezone="Europe/Paris")

    window = window_named(monthly, "2026-10")
    assert window is not None
    assert span(monthly, "2026-10") == ("10-01 00:00", "11-01 00:00")
    assert starts_at(monthly, window) == datetime(2026, 11, 5, 1, tzinfo=UTC)


def test_a_month_that_closes_early_goes_from_close_to_close_so_that_nothing_falls_between() -> None:
    business = timed("monthly", day="last_business_day", at="18:00", timezone="Europe/Paris")

    # 31 October 2026 is a Saturday.
    assert span(business, "2026-10") == ("09-30 18:00", "10-30 18:00")
    assert span(business, "2026-11") == ("10-30 18:00", "11-30 18:00")
    newest = next(windows_before(business, datetime(2026, 10, 30, 17, tzinfo=UTC)))
    assert key_of(business, newest) == "2026-10"
    assert starts_at(business, newest) == newest.until


def test_the_first_window_is_the_first_to_begin_on_the_start_day_or_later() -> None:
    late = date(2026, 1, 15)

    assert first_key(timed("daily", start=late)) == "2026-01-15"
    assert first_key(timed("hourly", start=late)) == "2026-01-15-00"
    assert first_key(timed("weekly", start=late)) == "2026-01-19"
    assert first_key(timed("monthly", start=late)) == "2026-02"
    assert list(windows_before(timed("daily", start=late), datetime(2026, 1, 15, tzinfo=UTC))) == []


def test_an_instant_on_the_border_belongs_to_the_later_window() -> None:
    daily = timed("daily")
    before, after = window_named(daily, "2026-11-21"), window_named(daily, "2026-11-22")
    border = datetime(2026, 11, 22, tzinfo=UTC).timestamp()

    assert before is not None
    assert after is not None
    assert (before.holds(border), after.holds(border)) == (False, True)
    assert before.holds(border - 0.001)
