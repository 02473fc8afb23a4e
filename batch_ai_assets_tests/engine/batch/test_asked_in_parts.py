"""A document longer than the model takes is asked in parts; their answers become its answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job
from .items import money, opened, price, table
from .recorder import GOOD, Answer, completion, recorded

IN_PARTS: dict[str, Any] = {"over_length": "chunk_and_merge"}


def long(name: str, marker: str = "", clauses: int = 4000) -> dict[str, str]:
    """A document of about 11 tokens a clause; 16,000 fit the context. `marker` stands at its
    beginning, and so in its first part alone."""
    said = (f"Clause {n} of {name}. The party shall pay in time." for n in range(clauses))
    text = "\n\n".join(said)
    return {"id": name, "text": f"{marker} {text}"}


def test_every_part_is_asked_once_and_the_document_has_one_row(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages([long("whole"), {"id": "short", "text": "a short one"}])

    outcome = topics.run(job=make_job(topics.home, IN_PARTS))

    assert outcome.state is State.COMPLETED
    stats = server.stats()
    parts = stats["calls"] - 1
    assert parts > 2
    assert {item["calls"] for item in stats["items"].values()} == {1}
    rows = {row["item_id"]: row for row in topics.results()}
    assert rows["whole"]["flags"] == ["input_divided"]
    assert rows["short"]["flags"] == []
    assert rows["whole"]["tokens_in"] > 30_000
    assert rows["whole"]["cost_usd"] + rows["short"]["cost_usd"] == pytest.approx(money(topics)[2])
    assert money(topics)[:2] == (stats["prompt_tokens"], stats["completion_tokens"])
    assert outcome.record is not None
    assert (outcome.record.asked, outcome.record.calls) == (2, parts + 1)
    assert fsck("topics", "b1", topics.deps) == []


def test_parts_that_fail_once_are_asked_again_and_the_others_are_not(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages([long("part-fails", "[[stub:500,schema,ok]]")])
    outcome = topics.run(job=make_job(topics.home, {**IN_PARTS, "retry": {"max_attempts": 4}}))
    assert outcome.state is State.COMPLETED
    calls = Counter(item["calls"] for item in server.stats()["items"].values())
    assert calls[3] == 1
    assert calls[1] == sum(calls.values()) - 1
    assert fsck("topics", "b1", topics.deps) == []


@pytest.mark.parametrize("kind", ["500", "400", "taxonomy", "refusal"])
def test_a_part_that_cannot_be_answered_makes_one_dead_letter_of_the_document(
    kind: str, topics: World, server: LocalProvider
) -> None:
    document = long(f"dead-{kind}", f"[[stub:{kind}]]")
    topics.write_messages([document, {"id": "short", "text": f"a short one beside {kind}"}])
    outcome = topics.run(job=make_job(topics.home, IN_PARTS))
    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    (letter,) = topics.deps.store.dead_letters("topics", "b1")
    assert letter.item_id == document["id"]
    assert opened(topics, letter)[0].decode() == document["text"].strip()
    assert topics.counts().valid == 1
    settled = money(topics, kind="settled")
    assert settled[2] == pytest.approx(price(*settled[:2]))
    assert fsck("topics", "b1", topics.deps) == []


def test_several_parts_that_fail_for_good_make_one_dead_letter(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda _: (400, {}, b"{}")) as (here, _):
        here.write_messages([long("all-bad"), {"id": "s", "text": "short"}])
        here.run(job=make_job(tmp_path, {**IN_PARTS, "limits": {"concurrency": 8}}))
        assert here.counts().dead == 2
        assert fsck("topics", "b1", here.deps) == []


def test_equal_parts_of_a_document_are_one_question(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda _: completion(GOOD)) as (here, provider):
        here.write_messages([{"id": "same", "text": "The party shall pay in time. " * 12_000}])
        job = make_job(tmp_path, {**IN_PARTS, "chunks": {"overlap_tokens": 0}})
        assert here.run(job=job).state is State.COMPLETED
        asked = Counter(provider.bodies)
        assert set(asked.values()) == {1}
        assert fsck("topics", "b1", here.deps) == []


def test_the_next_version_is_served_by_the_merged_answer(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages([long("again")])
    job = make_job(topics.home, IN_PARTS)
    topics.run(job=job)
    calls = server.stats()["calls"]
    assert topics.run(mode=Mode.REPROCESS, job=job).state is State.COMPLETED
    assert server.stats()["calls"] == calls
    assert topics.run(mode=Mode.FRESH, job=job).state is State.COMPLETED
    assert server.stats()["calls"] == 2 * calls


def test_another_way_of_merging_asks_nothing_again(topics: World, server: LocalProvider) -> None:
    """The document is another question then; its parts are the same."""
    topics.write_messages([long("merged-otherwise")])
    topics.run(job=make_job(topics.home, IN_PARTS))
    calls = server.stats()["calls"]
    other = {**IN_PARTS, "chunks": {"merge": {"urgent": "max"}}}
    assert topics.run("b2", job=make_job(topics.home, other)).state is State.COMPLETED
    assert server.stats()["calls"] == calls
    assert table(topics, "SELECT count(*) FROM checkpoints WHERE status = 'merged'") == [(2,)]


def test_a_stop_between_parts_loses_none_of_them(tmp_path: Path) -> None:
    """Half of the parts meet a key that is refused; the next run asks the other half."""
    asked: list[str] = []
    broken = {"now": True}

    def answer(body: dict[str, Any]) -> Answer:
        asked.append(body["messages"][-1]["content"])
        if broken["now"] and len(asked) > 2:
            return 401, {}, json.dumps({"error": {"code": "invalid_api_key"}}).encode()
        return completion('{"topic": "card", "urgent": true}')

    with recorded(tmp_path, answer=answer) as (here, _):
        here.write_messages([long("stopped")])
        job = make_job(tmp_path, {**IN_PARTS, "limits": {"concurrency": 1}})
        assert here.run(job=job).state is State.HALTED
        assert here.counts().pending == 1
        broken["now"] = False
        assert here.run(job=job).state is State.COMPLETED
        assert set(Counter(asked).values()) <= {1, 2}
        assert sum(count > 1 for count in Counter(asked).values()) == 1
        assert here.results()[0]["attempts"] == 1
        assert fsck("topics", "b1", here.deps) == []


def test_the_answer_follows_the_rules_of_the_job(tmp_path: Path) -> None:
    numbers = iter([("card", True), ("cash", False), ("cash", False), ("cash", False)] * 9)

    def answer(_: dict[str, Any]) -> Answer:
        topic, urgent = next(numbers)
        return completion(json.dumps({"topic": topic, "urgent": urgent}))

    with recorded(tmp_path, answer=answer) as (here, _):
        here.write_messages([long("rules")])
        rules = {"chunks": {"merge": {"urgent": "max"}}, "limits": {"concurrency": 1}}
        here.run(job=make_job(tmp_path, {**IN_PARTS, **rules}))
        (row,) = here.results()
        assert (row["topic"], row["urgent"]) == ("cash", True)


def test_parts_and_packed_documents_go_side_by_side(topics: World, server: LocalProvider) -> None:
    rows = [{"id": f"s{n}", "text": f"short number {n}"} for n in range(60)]
    topics.write_messages([*rows[:30], long("side"), *rows[30:], long("side2", "[[stub:500,ok]]")])
    spec = {**IN_PARTS, "prompt": {"version": "1", "items_per_request": 20}}
    outcome = topics.run(job=make_job(topics.home, spec))
    assert outcome.state is State.COMPLETED
    assert topics.counts().valid == 62
    assert fsck("topics", "b1", topics.deps) == []
