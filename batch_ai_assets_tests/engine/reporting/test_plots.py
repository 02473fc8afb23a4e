"""Geometry of the plots: nothing vanishes, nothing runs over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.reporting.plots import (
    cost_gauge,
    gauge,
    sla_gauge,
    stacked,
    text_bar,
)

from .samples import make_empty, make_record

COUNTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 10**9))


@given(COUNTS)
def test_segments_fill_the_bar_and_every_count_is_seen(counts: dict[str, int]) -> None:
    segments = stacked(counts)
    assert [segment.name for segment in segments] == [n for n, count in counts.items() if count]
    if segments:
        assert segments[0].start == 0
        assert segments[-1].start + segments[-1].width == pytest.approx(100, abs=0.01)
        assert min(segment.width for segment in segments) > 0.5


@given(st.floats(0, 1e9), st.floats(1e-6, 1e9))
def test_a_gauge_stays_inside_its_frame(used: float, allowed: float) -> None:
    figure = gauge(used, allowed, (0.7, 0.9))
    assert 0 <= figure.width <= 100
    assert 0 <= figure.scale <= 100
    assert (figure.tone == "bad") == (used > allowed)


def test_a_gauge_warns_from_its_first_mark_on() -> None:
    assert gauge(0.69, 1, (0.7, 0.9)).tone == "good"
    assert gauge(0.70, 1, (0.7, 0.9)).tone == "warn"
    assert gauge(2, 1, (0.8,)).scale == 50


def test_without_a_budget_in_usd_tokens_are_measured_and_without_any_nothing_is() -> None:
    record = make_record(budget_usd=None, budget_tokens=10_000_000)
    figure = cost_gauge(record)
    assert figure is not None
    assert figure.share == pytest.approx(5_015_448 / 10_000_000)
    assert cost_gauge(make_empty()) is None
    assert sla_gauge(make_empty()) is None


@given(st.floats(0, 1), st.integers(3, 40))
def test_a_bar_of_text_is_empty_only_at_zero_and_full_only_at_one(share: float, width: int) -> None:
    bar = text_bar(share, width)
    assert len(bar) == width
    assert ("█" in bar) == (share > 0)
    assert ("░" in bar) == (share < 1)
