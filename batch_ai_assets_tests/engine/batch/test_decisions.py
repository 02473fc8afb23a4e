"""What people decide about dead letters and reviews, and the version that carries it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine import failpoints
from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.correcting import correct
from batch_ai_assets.engine.deciding import decide
from batch_ai_assets.engine.errors import DecisionError
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.reviews import opened, reviews
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.rows import Kind, Plan
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, world
from .items import ids, money, named, plain

THRICE = "[[stub:500,500,500,ok]]"
UNSURE: dict[str, Any] = {
    "output": {"confidence": {"from": "logprob", "field": "topic"}, "review_below": 0.8}
}


@pytest.fixture
def unsure(server: LocalProvider, tmp_path: Path) -> Iterator[World]:
    """A world whose answers wait for a person where the model was not sure."""
    with world(tmp_path, server.base_url, UNSURE) as here:
        yield here


def replay(here: World, *items: str, reasons: Sequence[str] = ()) -> int:
    return decide(
        here.job, "b1", Kind.REPLAY, here.deps,
        who="cli:ada", why="the provider was down", items=items, reasons=reasons,
    ).count  # fmt: skip


def discard(here: World, *items: str) -> int:
    return decide(
        here.job, "b1", Kind.DISCARD, here.deps, who="cli:ada", why="spam", items=items
    ).count


def in_order(here: World, batch: str = "b1") -> list[str]:
    return [row["item_id"] for row in here.results(batch)]


def sound(here: World, batch: str = "b1") -> None:
    counts = here.counts(batch)
    assert counts.holds
    assert not counts.pending
    assert len(here.results(batch)) == counts.valid
    assert fsck("topics", batch, here.deps) == []


def test_a_replayed_document_is_asked_again_and_all_others_cost_nothing(
    topics: World, server: LocalProvider
) -> None:
    good, lost, left = plain(4), named(THRICE), named(THRICE)
    topics.write_messages([*good, lost, left])
    assert topics.run().state is State.COMPLETED_WITH_DEAD_LETTERS
    spent = money(topics)

    assert replay(topics, lost["id"]) == 1
    outcome = topics.run()

    assert outcome.record is not None
    assert outcome.record.version == 2
    assert topics.dead() == {left["id"]: "http_500"}, "nobody decided on it"
    assert in_order(topics) == [*ids(good), lost["id"]]
    calls = {name: one["calls"] for name, one in server.stats()["items"].items()}
    assert calls == {**dict.fromkeys(ids(good), 1), lost["id"]: 4, left["id"]: 3}
    assert outcome.record.calls == 1
    assert money(topics)[0] > spent[0]
    sound(topics)


def test_a_letter_that_stays_keeps_its_whole_story(topics: World) -> None:
    lost, left = named(THRICE), named("[[stub:400]]")
    topics.write_messages([lost, left])
    topics.run()
    (before,) = topics.deps.store.dead_letters("topics", "b1", item_id=left["id"])

    replay(topics, lost["id"])
    topics.run()

    (after,) = topics.deps.store.dead_letters("topics", "b1", item_id=left["id"])
    for name in ("reason", "message", "attempts", "sealed_payload", "first_at", "status"):
        assert getattr(after, name) == getattr(before, name), name
    assert (before.version, after.version) == (1, 2)


def test_all_that_died_for_one_reason_are_replayed_together(topics: World) -> None:
    lost, other = [named(THRICE) for _ in range(3)], named("[[stub:400]]")
    topics.write_messages([*lost, other])
    topics.run()
    assert replay(topics, reasons=["http_500"]) == 3
    topics.run()
    assert topics.dead() == {other["id"]: "rejected"}


def test_an_answer_that_broke_a_rule_is_not_served_again_on_replay(
    server: LocalProvider, tmp_path: Path
) -> None:
    rules = {"rules": [{"name": "never_urgent", "sql": "NOT urgent"}]}
    with world(tmp_path, server.base_url, rules) as here:
        here.write_messages(plain(12))
        here.run()
        dead = here.dead()
        assert dead
        assert set(dead.values()) == {"rule:never_urgent"}
        item = next(iter(dead))
        replay(here, item)
        here.run()
        assert server.stats()["items"][item]["calls"] == 2
        assert here.counts().dead == len(dead), "the stub answers alike; so it dies again"
        sound(here)


def test_a_discarded_document_is_given_up_and_its_record_stays(
    topics: World, server: LocalProvider
) -> None:
    good, bad = plain(2), named("[[stub:400]]")
    topics.write_messages([*good, bad])
    topics.run()

    discard(topics, bad["id"])
    (letter,) = topics.deps.store.dead_letters("topics", "b1")
    assert letter.status == "discarded"
    assert topics.run().state is State.COMPLETED

    counts = topics.counts()
    assert (counts.valid, counts.dead, counts.discarded) == (2, 0, 1)
    (decision,) = topics.deps.store.decisions.of("topics", "b1")
    assert (decision.why, decision.who, decision.version) == ("spam", "cli:ada", 1)
    for mode in (Mode.REPROCESS, Mode.FRESH):
        topics.run(mode=mode)
        assert topics.counts().discarded == 1, mode
    assert server.stats()["items"][bad["id"]]["calls"] == 1
    sound(topics)


def test_a_discarded_document_is_not_asked_about_by_the_next_batch(
    topics: World, server: LocalProvider
) -> None:
    bad = named("[[stub:400]]")
    topics.write_messages([bad])
    topics.run()
    discard(topics, bad["id"])
    topics.run()

    topics.run("b2")
    assert topics.counts("b2").skipped == 1
    assert server.stats()["calls"] == 1


def test_an_accepted_answer_is_a_result_of_the_next_version(
    unsure: World, server: LocalProvider
) -> None:
    unsure.write_messages(plain(20))
    unsure.run()
    waiting = reviews(unsure.job, "b1", unsure.deps)
    assert waiting
    first, *others = waiting
    assert first.item_id.encode() in opened(unsure.job, "b1", first, unsure.deps)

    decide(unsure.job, "b1", Kind.ACCEPT, unsure.deps, who="cli:ada", why="", items=[first.item_id])
    assert reviews(unsure.job, "b1", unsure.deps)[0].decided == "accept by cli:ada"
    unsure.run()

    rows = {row["item_id"]: row for row in unsure.results()}
    assert rows[first.item_id]["topic"] == first.fields["topic"]
    assert rows[first.item_id]["confidence"] == pytest.approx(first.confidence)
    assert rows[first.item_id]["flags"] == ["accepted"]
    assert unsure.counts().review == len(others)
    assert server.stats()["calls"] == 20
    sound(unsure)


def test_a_corrected_answer_takes_the_place_of_the_models(
    unsure: World, server: LocalProvider
) -> None:
    unsure.write_messages(plain(20))
    unsure.run()
    first = reviews(unsure.job, "b1", unsure.deps)[0]
    right = {"topic": "other", "urgent": not first.fields["urgent"]}

    correct(
        unsure.job, "b1", first.item_id, right, unsure.deps, who="cli:ada", why="about neither"
    )
    unsure.run()

    row = {row["item_id"]: row for row in unsure.results()}[first.item_id]
    assert {name: row[name] for name in right} == right
    assert row["flags"] == ["corrected"]
    assert server.stats()["calls"] == 20
    sound(unsure)
    unsure.run(mode=Mode.REPROCESS)
    again = {row["item_id"]: row for row in unsure.results()}[first.item_id]
    assert {name: again[name] for name in right} == right, "it stays corrected"


def test_a_correction_must_meet_schema_and_taxonomy(unsure: World) -> None:
    unsure.write_messages(plain(20))
    unsure.run()
    first = reviews(unsure.job, "b1", unsure.deps)[0]
    for wrong, said in (
        ({"topic": "moon", "urgent": True}, "must be one of"),
        ({"topic": "card"}, "'urgent' is missing"),
        ({}, "missing"),
    ):
        with pytest.raises(DecisionError, match=said):
            correct(unsure.job, "b1", first.item_id, wrong, unsure.deps, who="cli:ada", why="no")
    assert unsure.deps.store.decisions.of("topics", "b1") == []


def test_a_rejected_answer_ends_its_document(unsure: World) -> None:
    unsure.write_messages(plain(20))
    unsure.run()
    waiting = reviews(unsure.job, "b1", unsure.deps)
    decide(
        unsure.job, "b1", Kind.REJECT, unsure.deps,
        who="cli:ada", why="made up", reasons=["low_confidence"],
    )  # fmt: skip
    unsure.run()
    counts = unsure.counts()
    assert (counts.review, counts.discarded) == (0, len(waiting))
    sound(unsure)


def test_an_answer_that_is_accepted_after_all_takes_the_place_of_its_correction(
    unsure: World,
) -> None:
    unsure.write_messages(plain(20))
    unsure.run()
    first = reviews(unsure.job, "b1", unsure.deps)[0]
    wrong = {"topic": "other", "urgent": not first.fields["urgent"]}
    correct(unsure.job, "b1", first.item_id, wrong, unsure.deps, who="cli:ada", why="hm")
    decide(unsure.job, "b1", Kind.ACCEPT, unsure.deps, who="cli:ada", why="", items=[first.item_id])
    unsure.run()
    row = {row["item_id"]: row for row in unsure.results()}[first.item_id]
    assert {name: row[name] for name in first.fields} == first.fields
    assert row["flags"] == ["accepted"]


def test_the_last_word_on_an_item_counts(unsure: World) -> None:
    unsure.write_messages(plain(20))
    unsure.run()
    first = reviews(unsure.job, "b1", unsure.deps)[0].item_id
    for kind in (Kind.ACCEPT, Kind.REJECT):
        decide(unsure.job, "b1", kind, unsure.deps, who="cli:ada", why="hm", items=[first])
    unsure.run()
    assert unsure.counts().discarded == 1
    assert first not in in_order(unsure)


@pytest.mark.parametrize("place", ["after_manifest", "after_parquet_part", "after_commit"])
def test_a_version_whose_making_breaks_off_carries_the_decisions_out_in_the_end(
    place: str, topics: World, server: LocalProvider
) -> None:
    def burst() -> None:
        failpoints.disarm_all()
        raise RuntimeError("broken off")

    good, lost, left, spam = plain(3), named(THRICE), named("[[stub:400]]"), named("[[stub:400]]")
    topics.write_messages([*good, lost, left, spam])
    topics.run()
    replay(topics, lost["id"])
    discard(topics, spam["id"])
    failpoints.arm(place, burst)
    try:
        outcome = topics.run()
        assert outcome.state is State.FAILED
    except RuntimeError:
        pass
    finally:
        failpoints.disarm_all()

    topics.run()

    assert topics.dead() == {left["id"]: "rejected"}
    assert in_order(topics) == [*ids(good), lost["id"]]
    assert topics.counts().discarded == 1
    assert {row["version"] for row in topics.results()} == {2}
    calls = {name: one["calls"] for name, one in server.stats()["items"].items()}
    assert calls[lost["id"]] in (4, 5), "asked once more, or twice where a commit broke off"
    assert all(calls[name] == 1 for name in ids(good))
    sound(topics)


def test_what_another_batch_has_taken_meanwhile_stays_a_result(
    server: LocalProvider, tmp_path: Path
) -> None:
    by_day = {
        "input": {"updated_at": "written_at"}, "batches": {"cadence": "daily", "window": "column"},
    }  # fmt: skip
    with world(tmp_path, server.base_url, by_day) as here:
        good, lost = plain(3), named(THRICE)
        here.write_messages([{**row, "written_at": "2026-11-20"} for row in [*good, lost]])
        here.run("2026-11-20")
        hashes = {
            item.item_id: item.input_hash
            for items in here.deps.store.items.ends(latest(here, "2026-11-20"))
            for item in items
        }
        here.deps.store.claims.take("topics", "2026-11-21", list(hashes.items()))
        decide(
            here.job, "2026-11-20", Kind.REPLAY, here.deps,
            who="cli:ada", why="it was down", items=[lost["id"]],
        )  # fmt: skip

        here.run("2026-11-20")

        assert in_order(here, "2026-11-20") == [*ids(good), lost["id"]]


def latest(here: World, batch: str) -> Plan:
    plan = here.deps.store.batches.latest_plan("topics", batch)
    assert plan is not None
    return plan


def test_a_run_without_new_decisions_does_nothing(topics: World, server: LocalProvider) -> None:
    lost = named(THRICE)
    topics.write_messages([lost])
    topics.run()
    replay(topics, lost["id"])
    topics.run()
    before = server.stats()["calls"]
    outcome = topics.run()
    assert "nothing has changed since" in outcome.message
    assert outcome.record is not None
    assert outcome.record.version == 2
    assert server.stats()["calls"] == before


def test_under_a_job_that_was_edited_meanwhile_nothing_is_decided(topics: World) -> None:
    lost = named(THRICE)
    topics.write_messages([lost])
    topics.run()
    changed = make_job(topics.home, {"model": {"parameters": {"temperature": 0.5}}})
    with pytest.raises(DecisionError, match="has changed since version 1"):
        decide(
            changed, "b1", Kind.REPLAY, topics.deps, who="cli:ada", why="x", items=[lost["id"]]
        )
    assert topics.deps.store.decisions.of("topics", "b1") == []


def test_nothing_can_be_decided_that_makes_no_sense(topics: World) -> None:
    with pytest.raises(DecisionError, match="There is no batch topics/b1"):
        replay(topics, "x")
    good, lost = named(), named(THRICE)
    topics.write_messages([good, lost])
    topics.run()
    with pytest.raises(DecisionError, match="Not a dead letter of topics/b1"):
        replay(topics, good["id"])
    with pytest.raises(DecisionError, match="needs its root cause"):
        decide(
            topics.job, "b1", Kind.REPLAY, topics.deps, who="cli:ada", why=" ", items=[lost["id"]]
        )
    with pytest.raises(DecisionError, match="Nothing of topics/b1 is a dead letter for 'timeout'"):
        replay(topics, reasons=["timeout"])
    with pytest.raises(DecisionError, match="in review"):
        decide(topics.job, "b1", Kind.ACCEPT, topics.deps, who="cli:ada", why="", items=[])
    assert topics.deps.store.decisions.of("topics", "b1") == []
