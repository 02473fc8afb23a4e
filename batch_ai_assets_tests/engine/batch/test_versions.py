"""Batches again: skipped, resumed, reprocessed, asked afresh, and with a changed job."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, world
from .items import ids, messages, money, named, plain


def test_a_finished_batch_says_so_and_publishes_nothing(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages(plain(10))
    first = topics.run()
    before = sorted((topics.home / "data").rglob("*"))

    again = topics.run()

    assert again.state is first.state is State.COMPLETED
    assert "was finished by run run-1 (version 1) and nothing has changed since" in again.message
    assert "--reprocess" in again.message
    assert again.record == first.record
    assert sorted((topics.home / "data").rglob("*")) == before
    assert server.stats()["calls"] == 10


def test_the_same_items_in_another_batch_are_skipped_as_unchanged(
    topics: World, server: LocalProvider
) -> None:
    rows = plain(10)
    topics.write_messages(rows)
    topics.run("monday")
    changed = {**rows[3], "text": rows[3]["text"] + " and more"}
    new = named()
    topics.write_messages([*rows[:3], changed, *rows[4:], new])

    outcome = topics.run("tuesday")

    assert outcome.state is State.COMPLETED
    counts = topics.counts("tuesday")
    assert (counts.items, counts.skipped, counts.valid) == (11, 9, 2)
    assert [row["item_id"] for row in topics.results("tuesday")] == [changed["id"], new["id"]]
    assert server.stats()["calls"] == 12


def test_reprocess_makes_the_next_version_from_stored_answers_alone(
    topics: World, server: LocalProvider
) -> None:
    rows = [*plain(9), *messages("[[stub:500]]")]
    topics.write_messages(rows)
    topics.run()
    calls = server.stats()["calls"]
    first = topics.results()

    outcome = topics.run(mode=Mode.REPROCESS)

    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert outcome.record is not None
    assert (outcome.record.version, outcome.record.from_store) == (2, 9)
    second = topics.results()
    assert {row["version"] for row in second} == {2}
    assert {row["cost_usd"] for row in second} == {0.0}
    answers = ("item_id", "topic", "urgent", "input_hash")
    assert [[row[name] for name in answers] for row in first] == [
        [row[name] for name in answers] for row in second
    ]
    assert server.stats()["calls"] == calls + 3, "only what had no answer is asked again"
    # Both versions are there; the first was not touched.
    runs = [table.name for table in (topics.home / "data/topics/results/b1").iterdir()]
    assert {"run-1", "run-2"} <= set(runs)
    assert [one.version for one in topics.deps.store.releases.of("topics", "b1")] == [1, 2]


def test_fresh_asks_the_provider_again_for_every_item(topics: World, server: LocalProvider) -> None:
    topics.write_messages(plain(10))
    topics.run()

    outcome = topics.run(mode=Mode.FRESH)

    assert outcome.state is State.COMPLETED
    assert outcome.record is not None
    assert (outcome.record.version, outcome.record.from_store) == (2, 0)
    assert server.stats()["answered_more_than_once"] == 10
    assert outcome.record.cost_usd == pytest.approx(money(topics)[2] / 2)


def test_an_interrupted_fresh_run_is_resumed_not_begun_again(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, {"limits": {"concurrency": 1}}) as here:
        rows = [*plain(8), *messages("[[stub:ok,quota,ok]]"), *plain(8)]
        here.write_messages(rows)
        here.run()
        server.reset_stats()
        assert here.run(mode=Mode.FRESH).state is State.HALTED
        assert here.run(mode=Mode.FRESH).state is State.COMPLETED
        assert server.stats()["answers"] == 17
        assert {row["version"] for row in here.results()} == {2}


@pytest.mark.parametrize(
    ("change", "asked_again"),
    [
        ({"prompt": {"version": "2"}}, False),
        ({"rules": [{"name": "known", "sql": "topic IS NOT NULL"}]}, False),
        ({"model": {"parameters": {"temperature": 0.7}}}, True),
        ({"output": {"taxonomy": {"topic": {"fees": "About fees."}}}}, True),
    ],
    ids=["prompt version", "rules", "temperature", "taxonomy"],
)
def test_a_changed_job_makes_version_2_and_asks_only_what_the_change_touches(
    change: dict[str, object], asked_again: bool, topics: World, server: LocalProvider
) -> None:
    topics.write_messages(plain(6))
    topics.run()
    assert topics.run(job=make_job(topics.home, change)).state is State.COMPLETED
    assert {row["version"] for row in topics.results()} == {2}
    assert server.stats()["calls"] == (12 if asked_again else 6)


@pytest.mark.parametrize(
    "change",
    [
        {"budget": {"limit_usd": 9.0}},
        {"limits": {"concurrency": 3}},
        {"retry": {"max_attempts": 5}},
        {"owner": "team:others"},
    ],
    ids=["budget", "limits", "retry", "owner"],
)
def test_a_change_that_decides_no_result_makes_no_version(
    change: dict[str, object], topics: World, server: LocalProvider
) -> None:
    topics.write_messages(plain(3))
    topics.run()
    outcome = topics.run(job=make_job(topics.home, change))
    assert "nothing has changed since" in outcome.message
    assert server.stats()["calls"] == 3


def test_an_unfinished_batch_goes_on_with_the_job_as_it_was_planned(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, {"limits": {"concurrency": 1}}) as here:
        here.write_messages([*plain(5), *messages("[[stub:quota,ok]]"), *plain(5)])
        assert here.run().state is State.HALTED
        other = make_job(tmp_path, {"prompt": {"version": "2"}})
        ended = here.run(job=other)
        assert ended.state is State.COMPLETED
        assert ended.record is not None
        assert "The job has changed since this version was planned" in ended.record.next_step
        assert {row["prompt_version"] for row in here.results()} == {"1"}
        assert {row["version"] for row in here.results()} == {1}


def test_an_item_with_an_open_dead_letter_is_not_asked_the_next_night(
    topics: World, server: LocalProvider
) -> None:
    bad = named("[[stub:refusal]]")
    good = plain(3)
    topics.write_messages([bad, *good])
    topics.run("monday")
    calls = server.stats()["calls"]
    topics.write_messages([bad, *plain(2)])

    assert topics.run("tuesday").state is State.COMPLETED

    counts = topics.counts("tuesday")
    assert (counts.items, counts.skipped, counts.valid, counts.dead) == (3, 1, 2, 0)
    assert server.stats()["calls"] == calls + 2
    plan = topics.deps.tables.latest("topics", "work_plan", "tuesday")
    assert plan is not None
    fates = {row["fate"]: row["items"] for row in plan.to_arrow().to_pylist()}
    assert fates == {"ask": 2, "open_dead_letter": 1}


def test_a_corrected_document_is_asked_although_its_old_text_is_a_dead_letter(
    topics: World, server: LocalProvider
) -> None:
    bad = named("[[stub:refusal]]")
    topics.write_messages([bad])
    topics.run("monday")
    topics.write_messages([{**bad, "text": "a better text"}])
    assert topics.run("tuesday").state is State.COMPLETED
    assert ids([{"id": row["item_id"]} for row in topics.results("tuesday")]) == [bad["id"]]


def test_the_answer_of_a_text_that_another_job_run_stored_serves_a_second_item(
    topics: World, server: LocalProvider
) -> None:
    row = named()
    topics.write_messages([row])
    topics.run("monday")
    topics.write_messages([{"id": "same-text", "text": row["text"]}])

    outcome = topics.run("tuesday")

    assert outcome.record is not None
    assert (outcome.record.from_store, outcome.record.cost_usd) == (1, 0.0)
    (result,) = topics.results("tuesday")
    assert (result["item_id"], result["attempts"]) == ("same-text", 0)
    assert server.stats()["calls"] == 1


def test_dead_letters_show_the_newest_version_of_their_batch(
    topics: World, server: LocalProvider
) -> None:
    bad = named("[[stub:refusal,ok]]")
    topics.write_messages([bad, *plain(2)])
    topics.run()
    assert list(topics.dead()) == [bad["id"]]
    assert topics.run(mode=Mode.REPROCESS).state is State.COMPLETED
    assert topics.dead() == {}
    queue = topics.deps.tables.latest("topics", "dead_letter_queue", "b1")
    assert queue is not None
    assert queue.rows == 0


def test_a_dead_letter_of_a_superseded_version_does_not_keep_its_document_from_being_asked(
    topics: World, server: LocalProvider
) -> None:
    bad = named("[[stub:refusal,ok]]")
    topics.write_messages([bad])
    topics.run("monday")
    assert topics.run("monday", mode=Mode.REPROCESS).state is State.COMPLETED
    topics.write_messages([{**bad, "text": bad["text"] + " and more"}])
    topics.run("tuesday")

    plan = topics.deps.store.batches.latest_plan("topics", "tuesday")
    assert plan is not None
    assert topics.deps.store.items.open_dead_letters(plan.job, plan.batch, [bad["id"]]) == set()
