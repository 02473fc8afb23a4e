"""A batch waits for its off-peak hours, also over changes of the clock; its deadline wins."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.hours import done_at, is_open, opens_at, waits_until
from batch_ai_assets.engine.spec.batches import BatchesSpec, StartWindow

HOUR = 3600.0
PARIS = "Europe/Paris"
NIGHT = StartWindow(since="22:00", until="06:00")


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def batches(**hours: Any) -> BatchesSpec:
    said = {"from": "22:00", "until": "06:00", **hours}
    return BatchesSpec.model_validate({"off_peak": said, "timezone": PARIS})


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        ("2026-01-15 12:00", "2026-01-15 21:00"),
        ("2026-07-15 12:00", "2026-07-15 20:00"),
        ("2026-03-29 12:00", "2026-03-29 20:00"),  # the clock was put forward that morning
        ("2026-10-25 12:00", "2026-10-25 21:00"),  # and back
    ],
)
def test_the_hours_begin_by_the_clock_on_the_wall(now: str, begins: str) -> None:
    assert opens_at(NIGHT, PARIS, utc(now)) == utc(begins)


@pytest.mark.parametrize(
    ("evening", "hours"),
    [("2026-01-15 21:00", 8), ("2026-03-28 21:00", 7), ("2026-10-24 20:00", 9)],
)
def test_a_night_is_as_long_as_the_change_of_the_clock_makes_it(evening: str, hours: int) -> None:
    begin = utc(evening)
    assert is_open(NIGHT, PARIS, begin)
    assert is_open(NIGHT, PARIS, begin + hours * HOUR - 1)
    assert not is_open(NIGHT, PARIS, begin + hours * HOUR)


def test_an_hour_that_does_not_exist_is_no_hour_to_ask_in() -> None:
    hours = StartWindow(since="02:00", until="03:00")
    assert opens_at(hours, PARIS, utc("2026-03-29 00:30")) == utc("2026-03-30 00:00")


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    hours = StartWindow(since="02:00", until="02:30")
    assert is_open(hours, PARIS, utc("2026-10-25 00:10"))
    assert not is_open(hours, PARIS, utc("2026-10-25 00:40"))
    assert opens_at(hours, PARIS, utc("2026-10-25 00:40")) == utc("2026-10-25 01:00")


@pytest.mark.parametrize(
    ("evening", "done"),
    [
        # Ten hours of work: eight in the first night, the rest in the next evening.
        ("2026-01-15 21:00", "2026-01-16 23:00"),
        ("2026-03-28 21:00", "2026-03-29 23:00"),  # seven that night
        ("2026-10-24 20:00", "2026-10-25 22:00"),  # nine that night
    ],
)
def test_work_goes_on_in_the_next_night(evening: str, done: str) -> None:
    assert done_at(NIGHT, PARIS, utc(evening), 10 * HOUR, inf) == utc(done)


def test_a_batch_in_its_hours_does_not_wait() -> None:
    now = utc("2026-01-15 23:00")
    assert waits_until(batches(), urgent=False, now=now, deadline_at=None, seconds=None) is None


def test_a_batch_waits_for_its_hours() -> None:
    now, begins = utc("2026-01-15 12:00"), utc("2026-01-15 21:00")
    assert waits_until(batches(), urgent=False, now=now, deadline_at=None, seconds=60) == begins


def test_an_urgent_batch_does_not_wait() -> None:
    now = utc("2026-01-15 12:00")
    assert waits_until(batches(), urgent=True, now=now, deadline_at=None, seconds=60) is None


@pytest.mark.parametrize(
    ("seconds", "waits"),
    [(3 * HOUR, True), (5 * HOUR, False), (None, False)],
)
def test_the_deadline_wins_over_the_hours(seconds: float | None, waits: bool) -> None:
    now, due = utc("2026-01-15 12:00"), utc("2026-01-16 01:00")  # the hours begin at 21:00
    found = waits_until(batches(), urgent=False, now=now, deadline_at=due, seconds=seconds)
    assert (found is not None) is waits


def test_hours_that_begin_after_the_deadline_are_not_waited_for() -> None:
    now, due = utc("2026-01-15 12:00"), utc("2026-01-15 20:00")
    assert waits_until(batches(), urgent=False, now=now, deadline_at=due, seconds=1) is None


SPRING = st.floats(utc("2026-03-27"), utc("2026-03-31"))
AUTUMN = st.floats(utc("2026-10-23"), utc("2026-10-27"))


@given(SPRING | AUTUMN, st.integers(0, 23), st.integers(1, 12))
def test_whoever_waits_goes_on_when_the_hours_are_open_and_not_later(
    now: float, since: int, long: int
) -> None:
    hours = StartWindow(since=f"{since:02}:00", until=f"{(since + long) % 24:02}:15")
    begins = opens_at(hours, PARIS, now)
    assert is_open(hours, PARIS, begins)
    assert now <= begins < now + 49 * HOUR
    assert begins == now or not is_open(hours, PARIS, begins - 1)
