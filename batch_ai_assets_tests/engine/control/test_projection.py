"""The end of a batch is projected from how it went lately, not from how it went in all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from batch_ai_assets.engine.control.projection import Projection, Span, projection
from batch_ai_assets.engine.spec.job import RetrySpec
from batch_ai_assets.engine.state.paces import Sample

RETRY = RetrySpec(base_seconds=0.5, max_seconds=30.0, max_attempts=3, timeout_seconds=60.0)
TOTAL = 100_000


def samples(done: Iterable[int], run_id: str = "r1", since: float = 0.0) -> list[Sample]:
    """One every ten seconds."""
    return [
        Sample(since + 10.0 * place, count, TOTAL - count, run_id)
        for place, count in enumerate(done)
    ]


def found(taken: list[Sample]) -> Projection:
    made = projection(taken, RETRY)
    assert made is not None
    return made


def work(taken: list[Sample]) -> Span:
    span = found(taken).work
    assert span is not None
    return span


def test_a_batch_that_has_not_begun_has_none() -> None:
    assert projection([], RETRY) is None


def test_one_sample_says_how_far_it_is_and_no_more() -> None:
    one = found(samples([25_000]))
    assert (one.percent, one.items_per_hour, one.work) == (25.0, 0.0, None)


def test_a_steady_batch_is_projected_closely() -> None:
    one = found(samples(range(0, 50_001, 1000)))
    assert one.items_per_hour == pytest.approx(360_000)
    assert work(samples(range(0, 50_001, 1000))).likely == pytest.approx(500, rel=0.01)


def test_the_range_holds_what_varies() -> None:
    counts = [0]
    for place in range(60):
        counts.append(counts[-1] + (500, 1000, 1500)[place % 3])
    span = work(samples(counts))
    assert span.low < span.likely < span.high
    assert span.low == pytest.approx(span.likely * 2 / 3, rel=0.05)
    assert span.high > span.likely * 1.9


def test_the_long_tail_of_a_sweep_is_not_taken_for_the_pace_before_it() -> None:
    """99,000 at 100 a second, then one a second in the sweep; 500 are left of it."""
    primary = list(range(0, 99_001, 1000))
    sweep = [99_000 + 10 * step for step in range(1, 51)]
    taken = samples([*primary, *sweep])
    by_the_average = 500 / (taken[-1].done / taken[-1].at)
    assert by_the_average < 10
    assert work(taken).likely == pytest.approx(500, rel=0.05)


def test_the_pauses_of_a_sweep_do_not_stop_the_clock() -> None:
    """Two in three samples of the sweep see nothing: it waits before the next attempt."""
    primary = list(range(0, 99_001, 1000))
    sweep = [99_000 + 30 * (step // 3) for step in range(1, 31)]
    left = TOTAL - sweep[-1]
    assert work(samples([*primary, *sweep])).likely == pytest.approx(left, rel=0.6)


def test_a_batch_that_comes_no_further_has_no_pace() -> None:
    assert found(samples([*range(0, 50_000, 1000), *[50_000] * 15])).work is None


def test_a_pause_between_two_runs_does_not_count() -> None:
    before = samples(range(0, 20_001, 1000))
    after = samples(range(20_000, 24_001, 1000), "r2", since=10_000.0)
    assert work([*before, *after]).likely == pytest.approx(760, rel=0.02)


def test_what_is_done_needs_no_more_work() -> None:
    assert work(samples([99_000, TOTAL])) == Span(0.0, 0.0, 0.0)


def test_a_run_at_work_ends_by_its_newest_sample_and_one_that_rests_from_now_on() -> None:
    one = Projection(100.0, 10, 10, 1.0, Span(8.0, 10.0, 20.0))
    assert one.ends(105.0, at_work=True) == Span(108.0, 110.0, 120.0)
    assert one.ends(115.0, at_work=True) == Span(115.0, 115.0, 120.0)
    assert one.ends(500.0, at_work=False) == Span(508.0, 510.0, 520.0)
