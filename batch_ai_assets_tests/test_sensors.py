from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.sensors import MAX_OFFERS, Offer, decide

NOBODY: frozenset[str] = frozenset()


def test_dead_letters_newer_than_their_export_are_exported() -> None:
    decision = decide({"monday": 7.0, "tuesday": 3.0}, {"monday": 5.0, "tuesday": 3.0}, NOBODY, {})

    assert decision.export == {"monday": Offer(7.0, 1)}


def test_dead_letters_that_were_never_exported_are_exported() -> None:
    assert decide({"monday": 7.0}, {}, NOBODY, {}).export == {"monday": Offer(7.0, 1)}


def test_a_batch_at_work_is_left_to_its_own_run() -> None:
    decision = decide({"monday": 7.0}, {}, frozenset({"monday"}), {})

    assert decision.export == {}
    assert decision.remember == {}


def test_an_export_that_did_not_come_is_asked_for_again_under_a_new_number() -> None:
    decision = decide({"monday": 7.0}, {}, NOBODY, {"monday": Offer(7.0, 1)})

    assert decision.export == {"monday": Offer(7.0, 2)}


def test_a_new_revision_starts_counting_afresh() -> None:
    decision = decide({"monday": 8.0}, {}, NOBODY, {"monday": Offer(7.0, MAX_OFFERS)})

    assert decision.export == {"monday": Offer(8.0, 1)}


def test_an_export_that_keeps_failing_is_given_up_and_stays_given_up() -> None:
    decision = decide({"monday": 7.0}, {}, NOBODY, {"monday": Offer(7.0, MAX_OFFERS)})

    assert decision.export == {}
    assert decision.remember == {"monday": Offer(7.0, MAX_OFFERS)}


def test_what_has_been_exported_is_forgotten() -> None:
    decision = decide({"monday": 7.0}, {"monday": 7.0}, NOBODY, {"monday": Offer(7.0, 2)})

    assert (decision.export, decision.remember) == ({}, {})


BATCHES = st.sampled_from(["a", "b", "c"])
REVISIONS = st.dictionaries(BATCHES, st.integers(0, 3).map(float))


@given(revisions=REVISIONS, exported=REVISIONS, ticks=st.integers(1, 8))
def test_ticks_without_any_success_never_ask_for_one_revision_more_than_three_times(
    revisions: dict[str, float], exported: dict[str, float], ticks: int
) -> None:
    asked: dict[tuple[str, float], int] = {}
    offered: dict[str, Offer] = {}
    for _ in range(ticks):
        decision = decide(revisions, exported, NOBODY, offered)
        offered = dict(decision.remember)
        for batch, offer in decision.export.items():
            asked[batch, offer.revision] = asked.get((batch, offer.revision), 0) + 1

    assert all(count <= MAX_OFFERS for count in asked.values())
    newer = {b for b, r in revisions.items() if r > exported.get(b, -1.0)}
    assert {batch for batch, _ in asked} == newer
