"""When what has arrived becomes a batch: pure decisions over figures, clock and signals."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.trigger import (
    Signals,
    decide,
    duration,
    last_due,
    next_due,
    size,
)
from batch_ai_assets.engine.spec.batches import BatchesSpec
from batch_ai_assets.engine.state.arrivals import Waiting

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
SILENCE = Signals()


def on_arrival(**arrival: Any) -> BatchesSpec:
    more = {key: arrival.pop(key) for key in ("start_window", "timezone", "at") if key in arrival}
    return BatchesSpec.model_validate({"cadence": "on_arrival", "arrival": arrival, **more})


def waiting(items: int = 10, size: int = 1000, seconds: float = 0.0, files: int = 1) -> Waiting:
    return Waiting(files, items, size, NOON - seconds)


@pytest.mark.parametrize(
    ("threshold", "too_little", "enough"),
    [
        ({"items": 500}, waiting(items=499), waiting(items=500)),
        ({"bytes": "10kB"}, waiting(size=9_999), waiting(size=10_000)),
        ({"age": "15m"}, waiting(seconds=899), waiting(seconds=900)),
    ],
)
def test_a_batch_is_made_as_soon_as_a_threshold_is_reached(
    threshold: dict[str, Any], too_little: Waiting, enough: Waiting
) -> None:
    batches = on_arrival(**threshold)

    assert not decide(too_little, batches, NOON, SILENCE).fires
    assert decide(enough, batches, NOON, SILENCE).fires


@pytest.mark.parametrize(
    "one_is_enough", [waiting(items=500), waiting(size=20_000), waiting(seconds=3600)]
)
def test_the_first_of_several_thresholds_counts(one_is_enough: Waiting) -> None:
    batches = on_arrival(items=500, bytes="10kB", age="15m")

    assert decide(one_is_enough, batches, NOON, SILENCE).fires


def test_what_is_missing_is_said_for_every_threshold() -> None:
    batches = on_arrival(
        items=500, bytes="10MB", age="15m", flag="READY", calendar="close.txt"
    )

    decision = decide(waiting(items=120, size=1_200_000, seconds=180), batches, NOON, SILENCE)

    assert decision.why == (
        "120 items in 1 file waiting. Not enough: 120 of 500 items; 1.2 MB of 10 MB; the"
        " oldest has waited 3 min of 15 min; no new flag READY; no day of close.txt."
    )


def test_nothing_makes_no_batch_whatever_the_thresholds_and_signals() -> None:
    batches = on_arrival(items=1, age="1s", flag="READY")

    decision = decide(Waiting(), batches, NOON, Signals(flag="flag:READY:1"))

    assert not decision.fires
    assert decision.occasion == "flag:READY:1"  # obeyed, or it would take what comes much later


@pytest.mark.parametrize("signals", [Signals(flag="f"), Signals(day="d")])
def test_a_signal_makes_a_batch_of_however_little_is_waiting(signals: Signals) -> None:
    batches = on_arrival(items=500, flag="READY", calendar="close.txt")

    decision = decide(waiting(items=1), batches, NOON, signals)

    assert decision.fires
    assert decision.occasion in ("f", "d")


def test_outside_of_the_start_window_nothing_starts_and_no_signal_is_used_up() -> None:
    batches = on_arrival(
        items=1, flag="READY", timezone="Europe/Paris",
        start_window={"from": "22:00", "until": "06:00"},
    )  # fmt: skip
    night = datetime(2026, 11, 22, 21, 0, tzinfo=UTC).timestamp()  # 22:00 in Paris

    by_day = decide(waiting(), batches, NOON, Signals(flag="f"))

    assert not by_day.fires
    assert by_day.occasion is None
    assert by_day.why.startswith("It is 13:00 (Europe/Paris); batches start from 22:00 to 06:00.")
    assert decide(waiting(), batches, night, Signals(flag="f")).fires


@given(
    items=st.integers(0, 2000), size=st.integers(0, 10**6), age=st.floats(0, 3600),
    more=st.integers(0, 1000),
)  # fmt: skip
def test_more_that_waits_or_waits_longer_never_takes_a_batch_back(
    items: int, size: int, age: float, more: int
) -> None:
    batches = on_arrival(items=1000, bytes="500kB", age="30m")

    if decide(waiting(items, size, age), batches, NOON, SILENCE).fires:
        assert decide(waiting(items + more, size, age), batches, NOON, SILENCE).fires
        assert decide(waiting(items, size + more, age), batches, NOON, SILENCE).fires
        assert decide(waiting(items, size, age + more), batches, NOON, SILENCE).fires


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_day_of_the_calendar_is_due_at_its_hour_in_the_time_zone_of_the_job() -> None:
    batches = on_arrival(calendar="c", at="02:30", timezone="Europe/Paris")
    days = ("2026-11-20", "last_day")

    before = last_due(days, batches, at("2026-11-30T02:29+01:00"))
    after = last_due(days, batches, at("2026-11-30T02:30+01:00"))

    assert before is not None
    assert before[0] == date(2026, 11, 20)
    assert after == (date(2026, 11, 30), at("2026-11-30T02:30+01:00"))


def test_a_day_on_which_nobody_looked_is_still_due_later() -> None:
    batches = on_arrival(calendar="c", at="02:30")

    due = last_due(("last_business_day",), batches, at("2026-12-05T00:00+00:00"))

    assert due == (date(2026, 11, 30), at("2026-11-30T02:30+00:00"))


def test_the_next_day_of_the_calendar_is_known_to_who_waits_for_it() -> None:
    batches = on_arrival(calendar="c", at="02:30")

    assert next_due(("last_day",), batches, NOON) == date(2026, 11, 30)
    assert next_due(("2020-01-01",), batches, NOON) is None


def test_an_hour_that_the_clock_leaps_over_is_due_all_the_same() -> None:
    batches = on_arrival(calendar="c", at="02:30", timezone="Europe/Paris")

    due = last_due(("2026-03-29",), batches, at("2026-03-29T04:00+02:00"))

    assert due is not None
    assert due[0] == date(2026, 3, 29)


def test_spans_and_sizes_are_said_as_people_say_them() -> None:
    spans = {0: "0 s", 111.6: "1 min 51 s", 900: "15 min", 3660: "1 h 1 min", 190_000: "2 d 4 h"}
    sizes = {0: "0 B", 832: "832 B", 12_345: "12 kB", 5_000_000: "5 MB", 5e9: "5,000 MB"}

    assert {seconds: duration(seconds) for seconds in spans} == spans
    assert {number: size(number) for number in sizes} == sizes
