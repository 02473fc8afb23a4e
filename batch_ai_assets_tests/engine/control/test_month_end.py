"""The forecast of a month: what such days cost, a range from how far they were off, and honesty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.month_end import Cap, MonthEnd, month_end, warning

SUNDAY = 6
AMOUNTS = st.floats(0, 1e6, allow_nan=False)


def week(workday: float, weekend: float) -> list[float]:
    """Monday to Sunday."""
    return [workday] * 5 + [weekend] * 2


def test_days_to_come_cost_what_days_cost() -> None:
    found = month_end(30.0, [10.0] * 3, today=0.0, weekday=3, left=9)
    assert found == MonthEnd(low=130.0, likely=130.0, high=130.0, days=3, by_weekday=False)


def test_what_is_left_of_today_counts_once() -> None:
    begun = month_end(34.0, [10.0] * 3, today=4.0, weekday=3, left=0)
    dear = month_end(55.0, [10.0] * 3, today=25.0, weekday=3, left=0)
    assert begun is not None
    assert dear is not None
    assert (begun.likely, dear.likely) == (40.0, 55.0)


def test_of_fewer_than_three_days_nothing_is_foretold() -> None:
    assert month_end(20.0, [10.0] * 2, today=0.0, weekday=0, left=20) is None
    assert month_end(20.0, [0.0] * 50 + [10.0, 0.0], today=0.0, weekday=0, left=20) is None


def test_from_two_weeks_on_each_weekday_costs_what_it_cost() -> None:
    two_weeks = week(10.0, 0.0) * 2
    found = month_end(100.0, two_weeks, today=0.0, weekday=0, left=6)
    assert found == MonthEnd(low=150.0, likely=150.0, high=150.0, days=14, by_weekday=True)
    saturday = month_end(100.0, two_weeks[:-2] + [0.0] * 2, today=0.0, weekday=0, left=4)
    assert saturday is not None
    assert saturday.likely == 150.0


def test_a_batch_a_week_is_not_forgotten_by_the_median() -> None:
    rare = month_end(7.0, [7.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], today=0.0, weekday=0, left=6)
    assert rare is not None
    assert rare.likely == pytest.approx(14.0)


def test_the_range_is_wider_the_fewer_days_are_known_and_the_more_are_to_come() -> None:
    def width(days: int, left: int) -> float:
        found = month_end(0.0, [8.0, 12.0] * (days // 2), today=0.0, weekday=0, left=left)
        assert found is not None
        return found.high - found.likely

    assert width(4, 10) > width(12, 10)
    assert width(12, 20) > width(12, 5)


def test_one_dear_day_does_not_move_what_is_likely() -> None:
    found = month_end(0.0, [10.0, 10.0, 500.0, 10.0, 10.0], today=0.0, weekday=0, left=0)
    assert found is not None
    assert found.likely == 10.0
    assert found.high > 100.0


@given(
    before=st.lists(AMOUNTS, max_size=60), spent=AMOUNTS, today=AMOUNTS,
    weekday=st.integers(0, 6), left=st.integers(0, 30),
)  # fmt: skip
def test_a_month_never_ends_below_what_is_spent(
    before: list[float], spent: float, today: float, weekday: int, left: int
) -> None:
    found = month_end(spent, before, today=today, weekday=weekday, left=left)
    if found is not None:
        assert spent <= found.low <= found.likely <= found.high


@pytest.mark.parametrize(
    ("usd", "spent", "said"),
    [
        (None, 50.0, ""),
        (200.0, 50.0, ""),
        (115.0, 50.0, "job topics may pass its cap of 115.00 USD"),
        (90.0, 50.0, "job topics will pass its cap of 90.00 USD"),
        (50.0, 50.0, "job topics has reached its cap of 50.00 USD"),
    ],
)
def test_a_cap_that_will_be_passed_is_said_beforehand(
    usd: float | None, spent: float, said: str
) -> None:
    forecast = MonthEnd(80.0, 100.0, 120.0, days=10, by_weekday=False)
    assert warning(Cap("job", "topics", usd), forecast, spent).startswith(said)
    assert bool(warning(Cap("job", "topics", usd), forecast, spent)) == bool(said)


def test_without_a_forecast_nothing_is_said_before_the_cap() -> None:
    assert warning(Cap("provider", "stub", 90.0), None, 89.0) == ""
