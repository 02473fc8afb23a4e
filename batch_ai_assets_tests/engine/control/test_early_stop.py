from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.early_stop import (
    PassFigures,
    Recent,
    after_canary,
    after_primary_pass,
    wants_canary,
    wants_window,
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


def stopped_at(share: float, documents: int, spec: EarlyStopSpec = SPEC) -> int | None:
    """The document at which a batch stops that fails so often by chance; None: it does not."""
    chance, recent = random.Random(7), Recent(spec)
    for number in range(1, documents + 1):
        if chance.random() < share and recent.failed(number):
            return number
    return None


def test_chance_does_not_stop_a_large_batch_that_fails_no_more_often_than_it_may() -> None:
    assert stopped_at(SPEC.failed, 200_000) is None


def test_a_failure_of_all_documents_stops_within_a_fraction_of_the_window() -> None:
    assert (stopped_at(1.0, 1000) or 999) <= 30


def test_a_failure_of_every_fourth_document_stops_within_the_window() -> None:
    assert (stopped_at(0.25, 1000) or 999) <= SPEC.window


def test_a_failure_that_begins_late_is_seen_as_soon() -> None:
    recent = Recent(SPEC)
    assert not any(recent.failed(number) for number in range(100, 100_000, 100))
    stop = next(number for number in range(100_000, 100_300) if recent.failed(number))
    assert stop < 100_000 + 30


def test_only_a_batch_of_min_items_is_watched_and_none_that_may_fail_as_a_whole() -> None:
    assert [wants_window(SPEC, items) for items in (999, 1000)] == [False, True]
    assert not wants_window(EarlyStopSpec(failed=1), 10**6)
