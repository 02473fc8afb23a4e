"""The verdict: one end for every answered item."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.figures import End
from batch_ai_assets.engine.validation.verdict import Verdict, judge


def test_an_item_that_breaks_nothing_is_valid() -> None:
    assert judge(0.9, 0.5, (), ()) == Verdict(End.VALID)
    assert judge(None, None, (), ()) == Verdict(End.VALID)


def test_a_failed_error_rule_kills_and_the_first_one_names_the_reason() -> None:
    verdict = judge(0.1, 0.5, ("a", "b"), ("w",))
    assert (verdict.end, verdict.reason, verdict.flags) == (End.DEAD, "rule:a", ("w",))
    assert verdict.message == "fails the rules a, b"


def test_a_failed_warn_rule_leaves_it_valid_with_a_flag() -> None:
    assert judge(0.9, 0.5, (), ("w", "x")) == Verdict(End.VALID, None, ("w", "x"))


@pytest.mark.parametrize(
    ("confidence", "reason"),
    [(0.49, "low_confidence"), (None, "no_confidence"), (math.nan, "no_confidence")],
)
def test_an_answer_that_is_not_sure_enough_waits_for_a_person(
    confidence: float | None, reason: str
) -> None:
    verdict = judge(confidence, 0.5, (), ())
    assert (verdict.end, verdict.reason) == (End.REVIEW, reason)


def test_an_answer_exactly_at_the_threshold_is_valid() -> None:
    assert judge(0.5, 0.5, (), ()).end is End.VALID


@given(
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1),
    st.lists(st.sampled_from("abc"), max_size=2),
    st.lists(st.sampled_from("xyz"), max_size=2),
)
def test_every_item_gets_one_end_and_a_reason_unless_it_is_valid(
    confidence: float | None, bar: float | None, errors: list[str], warns: list[str]
) -> None:
    verdict = judge(confidence, bar, errors, warns)
    assert verdict.end in {End.VALID, End.REVIEW, End.DEAD}
    assert (verdict.end is End.VALID) == (verdict.reason is None)
    assert verdict.flags == tuple(warns)
