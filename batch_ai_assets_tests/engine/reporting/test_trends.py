"""Checks over time: a figure for each batch, and how often they failed."""

from __future__ import annotations

import pytest

from batch_ai_assets.engine.figures import BatchFigures, Conservation
from batch_ai_assets.engine.reporting.trends import Checked, Trend, trend_words, trends
from batch_ai_assets.engine.spec.job import ThresholdsSpec
from batch_ai_assets.engine.validation.checks import dead_letter_rate


def night(batch: str, dead: int) -> Checked:
    figures = BatchFigures(Conservation(1000, valid=1000 - dead, dead=dead))
    return Checked(batch, (dead_letter_rate(figures, ThresholdsSpec()),))


def test_a_share_is_followed_over_the_batches_from_the_oldest_on() -> None:
    trend = trends([night("mo", 2), night("tu", 0), night("w", 4)])["dead_letter_rate"]
    assert trend.batches == ("mo", "tu", "w")
    assert trend.values == (0.002, 0.0, 0.004)
    assert trend.failed == 2
    assert trend_words(trend) == "▅▁█  failed in 2 of the last 3 batches"


def test_one_batch_is_no_trend() -> None:
    assert trend_words(trends([night("mo", 2)])["dead_letter_rate"]) == ""


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ((), ""),
        ((0.0, 0.0, 0.0), "▁▁▁"),
        ((None, 1.0), "·▁"),
        ((None, None), "··"),
        ((0.0, 1.0), "▁█"),
    ],
)
def test_a_line_shows_what_is_known(values: tuple[float | None, ...], line: str) -> None:
    assert Trend("x", tuple("abc"[: len(values)]), values, 0).line == line


def test_a_check_that_only_some_batches_had_has_gaps() -> None:
    without = Checked("mo", ())
    trend = trends([without, night("tu", 1)])["dead_letter_rate"]
    assert trend.values == (None, 0.001)
