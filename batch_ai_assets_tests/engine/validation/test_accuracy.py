"""Accuracy: the Wilson interval, macro-F1, and the figures by cohort."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.validation.accuracy import evaluate, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # E. B. Wilson's formula, computed by hand to four places
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_the_interval_is_the_published_one(
    successes: int, n: int, low: float, high: float
) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=1e-4)


def test_nothing_counted_means_nothing_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "n"), [(2, 1), (-1, 5), (0, -1)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        wilson(successes, n)


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_inside_0_to_1(pair: tuple[int, int]) -> None:
    successes, n = pair
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson(n - successes, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_more_items_make_the_interval_narrower() -> None:
    widths = [high - low for low, high in (wilson(n // 2, n) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


def test_figures_are_split_by_cohort_with_all_first() -> None:
    judged = [("odd", "a", "a"), ("odd", "b", "a"), ("even", "a", "a"), ("even", None, "b")]
    rows = evaluate(judged)
    assert [(row.cohort, row.correct, row.n, row.share) for row in rows] == [
        ("all", 2, 4, 0.5),
        ("even", 1, 2, 0.5),
        ("odd", 1, 2, 0.5),
    ]


def test_items_without_a_known_truth_do_not_count() -> None:
    assert evaluate([(None, "a", None), ("x", "a", ""), (None, "a", "a")])[0].n == 1
    assert evaluate([("x", "a", None)]) == ()
    assert evaluate([]) == ()


def test_without_cohorts_there_is_one_row() -> None:
    assert [row.cohort for row in evaluate([(None, "a", "a"), ("", "b", "a")])] == ["all"]


def test_macro_f1_is_the_mean_over_the_classes() -> None:
    # a: 2 right, 3 said, 2 true -> 4/5; b: 1, 1, 2 -> 2/3; c: 0 right, 1 said, never true -> 0
    judged = [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("c", "d"), (None, "d")]
    [row] = evaluate([(None, answer, truth) for answer, truth in judged])
    # d: true twice, never said -> 0
    assert row.macro_f1 == pytest.approx((4 / 5 + 2 / 3 + 0 + 0) / 4)


def test_macro_f1_sees_a_rare_class_that_accuracy_hides() -> None:
    [row] = evaluate([(None, "common", "common")] * 99 + [(None, "common", "rare")])
    assert row.share == 0.99
    assert row.macro_f1 is not None
    assert row.macro_f1 < 0.5


def test_macro_f1_of_a_cohort_is_its_own() -> None:
    rows = evaluate([("odd", "a", "a"), ("even", "b", "a")])
    assert {row.cohort: row.macro_f1 for row in rows} == {
        "all": pytest.approx((2 / 3 + 0) / 2), "even": 0.0, "odd": 1.0
    }  # fmt: skip


_CLASSES = st.sampled_from("abcd")


@given(st.lists(st.tuples(st.none() | _CLASSES, _CLASSES), min_size=1))
def test_macro_f1_lies_between_0_and_1_and_is_1_only_where_all_is_right(
    pairs: list[tuple[str | None, str]],
) -> None:
    [row] = evaluate([(None, answer, truth) for answer, truth in pairs])
    assert row.macro_f1 is not None
    assert 0 <= row.macro_f1 <= 1
    assert (row.macro_f1 == 1) is (row.correct == row.n)
