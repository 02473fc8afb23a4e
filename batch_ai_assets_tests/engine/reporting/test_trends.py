"""Checks over time: a figure for each batch, and how often they failed."""

from __future__ import annotations

import pytest

from batch_ai_assets.engine.figures import BatchFigures, Conservation
from batch_ai_assets.engine.reporting.completion import CompletionRecord
from batch_ai_assets.engine.reporting.trends import Trend, one_each, trends
from batch_ai_assets.engine.spec.job import ThresholdsSpec
from batch_ai_assets.engine.validation.checks import dead_letter_rate

from .samples import make_record


def night(batch: str, dead: int, version: int = 1) -> CompletionRecord:
    figures = BatchFigures(Conservation(1000, valid=1000 - dead, dead=dead))
    check = dead_letter_rate(figures, ThresholdsSpec())
    return make_record(batch=batch, version=version, checks=(check,))


def test_a_share_is_followed_over_the_batches_from_the_oldest_on() -> None:
    history = one_each([night("w", 4), night("tu", 0), night("mo", 2)])
    trend = trends(history)["dead_letter_rate"]
    assert trend.batches == ("mo", "tu", "w")
    assert trend.values == (0.002, 0.0, 0.004)
    assert trend.failed == 2
    assert trend.line == "▅▁█"


def test_of_each_batch_the_newest_version_counts() -> None:
    history = one_each([night("mo", 0, version=2), night("tu", 1), night("mo", 9)])
    assert [(one.batch, one.version) for one in history] == [("tu", 1), ("mo", 2)]


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
    without = make_record(batch="mo", checks=())
    trend = trends([without, night("tu", 1)])["dead_letter_rate"]
    assert trend.values == (None, 0.001)
