"""What is said of a provider that turns calls away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.throttling import Granted, Throttling


def test_a_storm_is_told_with_the_rate_that_is_granted_and_once_a_minute_at_most() -> None:
    measure, said = Throttling(), []
    for second in range(181):  # ten calls a second, of which four are turned away
        if found := measure.look(float(second), 10 * second, 4 * second):
            said.append((second, found))
    assert said == [(second, Granted(360.0, 600.0)) for second in (5, 65, 125)]


def test_it_is_over_after_a_minute_without_a_call_turned_away() -> None:
    measure = Throttling()
    over = []
    for second in range(200):
        measure.look(float(second), 10 * second, 4 * min(second, 30))
        if measure.is_over(float(second)):
            over.append(second)
    assert over == [126], "sixty seconds after it was said last"


@given(st.integers(0, 9), st.integers(0, 10_000))
def test_a_few_calls_turned_away_are_no_storm(away: int, calls: int) -> None:
    measure = Throttling()
    measure.look(0.0, 0, 0)
    assert measure.look(60.0, calls + away, away) is None
    assert not measure.is_over(200.0)
