"""Progress: pace and remaining time from counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.progress import Progress, project


def progress(before: int, done: int, total: int, seconds: float) -> Progress:
    return project(
        "j", "b", "running",
        done_before=before, done=done, total=total, dead=0, elapsed_seconds=seconds,
        tokens=0, cost_usd=0.0,
    )  # fmt: skip


def test_the_pace_is_that_of_this_run() -> None:
    seen = progress(before=900, done=950, total=1000, seconds=10.0)
    assert seen.items_per_second == 5.0
    assert seen.items_per_hour == 18_000
    assert seen.eta_seconds == 10.0
    assert seen.percent == 95.0


def test_without_a_pace_nobody_knows_when_it_ends() -> None:
    assert progress(0, 0, 10, 0.0).eta_seconds is None
    assert progress(4, 4, 10, 60.0).eta_seconds is None


def test_a_batch_without_items_is_done() -> None:
    assert progress(0, 0, 0, 1.0).percent == 100.0


@given(
    before=st.integers(0, 1000), more=st.integers(0, 1000), left=st.integers(0, 1000),
    seconds=st.floats(0.001, 1e6),
)  # fmt: skip
def test_percent_and_time_left_stay_in_bounds(
    before: int, more: int, left: int, seconds: float
) -> None:
    seen = progress(before, before + more, before + more + left, seconds)
    assert 0.0 <= seen.percent <= 100.0
    assert seen.eta_seconds is None or seen.eta_seconds >= 0.0
