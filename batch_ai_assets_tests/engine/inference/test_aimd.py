"""The window of calls in flight, for providers that name no limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.aimd import CLEAN_CALLS, FIRST, NEVER, Window


def size(window: Window, now: float) -> int:
    """How many calls it lets be in flight."""
    return next(n for n in range(5_000) if window.wait(now, n) > 0.0)


def full(most: int) -> Window:
    """A window that has grown to its most."""
    window = Window(most)
    window.clean(0.0)
    for step in range(20):
        window.wait(step / 10, most)
    return window


@given(most=st.integers(1, 512))
def test_all_workers_are_at_work_within_a_second_of_the_first_answer(most: int) -> None:
    window = Window(most)
    window.clean(5.0)
    now = 5.0
    while (seconds := window.wait(now, most - 1)) > 0.0:
        now += seconds
    assert now - 5.0 <= 1.0
    assert window.wait(now, most) == NEVER


def test_before_the_first_answer_it_does_not_grow() -> None:
    window = Window(256)
    assert window.wait(0.0, FIRST - 1) == 0.0
    assert window.wait(100.0, FIRST) == NEVER


def test_a_burst_of_429s_takes_a_quarter_once() -> None:
    window = full(100)
    for _ in range(50):
        window.turned_away(sent_at=9.0, now=10.0, in_flight=100)
    assert size(window, 11.0) == 75
    window.turned_away(sent_at=10.0, now=10.5, in_flight=75)  # sent as the first ones came back
    assert size(window, 11.0) == 75
    window.turned_away(sent_at=10.2, now=11.0, in_flight=75)
    assert size(window, 11.0) == 56


def test_it_is_cut_from_what_is_in_flight_where_that_is_less() -> None:
    window = full(100)
    window.turned_away(sent_at=9.0, now=10.0, in_flight=20)
    assert size(window, 11.0) == 15


def test_after_that_it_grows_by_one_with_every_25_clean_calls() -> None:
    window = full(100)
    window.turned_away(9.0, 10.0, 100)
    for _ in range(CLEAN_CALLS - 1):
        window.clean(11.0)
    assert size(window, 11.0) == 75
    window.clean(11.0)
    assert size(window, 11.0) == 76
    for _ in range(CLEAN_CALLS * 100):
        window.clean(12.0)
    assert size(window, 12.0) == 100


@given(
    events=st.lists(st.tuples(st.sampled_from(["clean", "429"]), st.floats(0, 5), st.floats(0, 5)))
)
def test_whatever_happens_at_least_one_call_may_be_in_flight_and_never_too_many(
    events: list[tuple[str, float, float]],
) -> None:
    window, now = Window(64), 0.0
    for what, pause, ago in events:
        now += pause
        if what == "clean":
            window.clean(now)
        else:
            window.turned_away(now - ago, now, 10)
        assert 1 <= size(window, now) <= 64
