from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.early_stop import (
    PassFigures,
    after_canary,
    after_primary_pass,
    wants_canary,
)
from batch_ai_assets.engine.spec.early_stop import EarlyStopSpec

SPEC = EarlyStopSpec()


def figures(finished: int, failed: int, erring: int | None = None) -> PassFigures:
    erring = failed if erring is None else erring
    return PassFigures(finished, failed, erring, 0, Counter({"broken": failed}))


def test_only_a_batch_of_ten_times_its_canary_has_one() -> None:
    assert [wants_canary(SPEC, items) for items in (0, 199, 200)] == [False, False, True]
    assert not wants_canary(EarlyStopSpec(canary_items=0), 10**6)


def test_half_of_the_canary_may_fail_and_not_one_more() -> None:
    assert after_canary(SPEC, figures(20, 10)) == ""
    assert "11 of the first 20 documents" in after_canary(SPEC, figures(20, 11))


def test_a_provider_that_is_away_is_no_systematic_failure_of_the_job() -> None:
    assert after_canary(SPEC, figures(20, 20, erring=0)) == ""


def test_few_documents_never_stop_the_sweep() -> None:
    assert after_primary_pass(SPEC, figures(999, 999)) == ""
    assert after_primary_pass(SPEC, figures(1000, 50)) == ""
    assert "51 of 1,000 documents (5.1%)" in after_primary_pass(SPEC, figures(1000, 51))


@given(st.integers(0, 20), st.integers(0, 5000), st.data())
def test_every_document_counts_once_over_canary_and_bulk(
    canary_failed: int, bulk: int, data: st.DataObject
) -> None:
    failed = data.draw(st.integers(0, bulk + canary_failed))
    found = figures(bulk + canary_failed, failed).after(figures(20, canary_failed))
    assert (found.finished, found.failed) == (20 + bulk, failed)
