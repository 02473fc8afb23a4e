"""Verdicts and the release: rules, review, and rows that were changed behind the engine's back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from batch_ai_assets.engine import failpoints
from batch_ai_assets.engine.batch import (
    Mode,
    Run,
    complete,
    enrich,
    judge,
    plan_work,
    read_inputs,
    release,
)
from batch_ai_assets.engine.errors import BatchAIError, BatchHalted, OrderError, StateError
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.sealing import document_context
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, world
from .items import ids, named, opened, plain

CARD_IS_NOT_URGENT = {"name": "card_is_calm", "sql": "topic <> 'card' OR NOT urgent"}
CASH_IS_RARE = {"name": "cash_is_rare", "sql": "topic <> 'cash'", "severity": "warn"}
RULES = {"rules": [CARD_IS_NOT_URGENT, CASH_IS_RARE]}


def test_a_row_that_fails_an_error_rule_ends_dead_and_a_warn_rule_leaves_a_flag(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, RULES) as here:
        rows = plain(60)
        here.write_messages(rows)

        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS

        results = here.results()
        assert results
        assert not [row for row in results if row["topic"] == "card" and row["urgent"]]
        for row in results:
            assert row["flags"] == (["cash_is_rare"] if row["topic"] == "cash" else [])
        assert any(row["flags"] for row in results)
        letters = here.deps.store.dead_letters("topics", "b1")
        assert letters
        for letter in letters:
            assert letter.reason == "rule:card_is_calm"
            payload, answer = opened(here, letter)
            assert letter.item_id in payload.decode()
            assert json.loads(answer or b"") == {"topic": "card", "urgent": True}
        assert len(letters) + len(results) == 60
        assert server.stats()["calls"] == 60, "rules never cause a call"


def test_rules_that_every_row_fails_release_no_row_and_complete(
    server: LocalProvider, tmp_path: Path
) -> None:
    never = {"rules": [{"name": "never", "sql": "topic = 'none'"}]}
    with world(tmp_path, server.base_url, never) as here:
        here.write_messages(plain(5))
        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS
        assert here.results() == []
        assert set(here.dead().values()) == {"rule:never"}


UNSURE: dict[str, Any] = {
    "field": {
        "output": {
            "schema": {
                "properties": {"sure": {"type": "number", "minimum": 0, "maximum": 1}},
                "required": ["topic", "urgent", "sure"],
            },
            "confidence": {"from": "field", "field": "sure"},
            "review_below": 0.6,
        },
        "model": {"parameters": {"max_tokens": 64}},
    },
    "logprob": {
        "output": {"confidence": {"from": "logprob", "field": "topic"}, "review_below": 0.8}
    },
}


@pytest.mark.parametrize("source", UNSURE)
def test_an_answer_below_the_threshold_waits_for_a_person_with_its_sealed_document(
    source: str, server: LocalProvider, tmp_path: Path
) -> None:
    bar = UNSURE[source]["output"]["review_below"]
    with world(tmp_path, server.base_url, UNSURE[source]) as here:
        rows = plain(60)
        here.write_messages(rows)

        assert here.run().state is State.COMPLETED

        counts = here.counts()
        assert counts.review > 0
        assert counts.valid > 0
        assert all(row["confidence"] >= bar for row in here.results())
        queue = here.deps.tables.latest("topics", "review_queue", "b1")
        assert queue is not None
        waiting = queue.to_arrow().to_pylist()
        assert len(waiting) == counts.review
        texts = {row["id"]: row["text"] for row in rows}
        for row in waiting:
            assert row["confidence"] < bar
            assert row["reason"] == "low_confidence"
            context = document_context("topics", "b1", row["item_id"])
            opened_text = here.deps.sealer.open(row["sealed_payload"], context).decode()
            assert opened_text == texts[row["item_id"]].strip()
        released = {row["item_id"] for row in here.results()}
        assert released.isdisjoint(row["item_id"] for row in waiting)
        assert len(released) + len(waiting) == 60


Tamper = Callable[[pa.Table], pa.Table]


def _replaced(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(values, field.type))


TAMPERINGS: dict[str, Tamper] = {
    "a row is missing": lambda table: table.slice(1),
    "a row stands twice": lambda table: pa.concat_tables([table, table.slice(0, 1)]),
    "a value outside the taxonomy": lambda table: _replaced(
        table, "topic", ["bitcoin", *table["topic"].to_pylist()[1:]]
    ),
    "a row of another batch": lambda table: _replaced(
        table, "batch", ["b0", *table["batch"].to_pylist()[1:]]
    ),
    "a row without its lineage": lambda table: _replaced(
        table, "input_hash", [None, *table["input_hash"].to_pylist()[1:]]
    ),
    "a row that fails a rule": lambda table: _replaced(
        _replaced(table, "topic", ["card"] * table.num_rows), "urgent", [True] * table.num_rows
    ),
    "a column of another type": lambda table: table.set_column(
        table.schema.get_field_index("tokens_in"), "tokens_in", pc.cast(table["tokens_in"], "int32")
    ),
}


def _stages(here: World, run: Run, batch: str = "b1") -> None:
    """Everything up to the verdict."""
    job, deps = here.job, here.deps
    plan_work(job, batch, run, deps, read_inputs(job, batch, run, deps))
    enrich(job, batch, run, deps)
    judge(job, batch, run, deps)


@pytest.mark.parametrize("what", TAMPERINGS)
def test_rows_that_were_changed_after_the_verdict_are_not_released(
    what: str, server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, RULES) as here:
        rows = plain(30)
        here.write_messages(rows)
        assert here.run().state.finished
        before = here.deps.tables.current("topics", "b1")

        again = Run("run-2", "test", Mode.REPROCESS)
        _stages(here, again)
        plan = here.deps.store.batches.latest_plan("topics", "b1")
        assert plan is not None
        assert plan.results_path is not None
        part = Path(plan.results_path) / "part-00000.parquet"
        pq.write_table(TAMPERINGS[what](pq.read_table(part)), part)
        with pytest.raises(BatchHalted) as halted:
            release(here.job, "b1", again, here.deps)

        assert halted.value.reason == "checks"
        assert "Nothing of topics/b1 was released" in str(halted.value)
        assert here.deps.tables.current("topics", "b1") == before
        assert here.deps.store.batches.state("topics", "b1") is State.HALTED
        assert "checks" in (here.deps.store.batches.latest_record("topics", "b1") or "")

        # The store is the truth: the next run makes the rows anew and releases them.
        here.runs = 2
        assert here.run().state.finished
        current = here.deps.tables.current("topics", "b1")
        assert current is not None
        assert current.version == 2
        assert server.stats()["calls"] == 30


@pytest.mark.parametrize("damage", ["a column is gone", "garbage"])
def test_a_part_that_cannot_be_read_is_not_released(damage: str, topics: World) -> None:
    topics.write_messages(plain(5))
    run = Run("run-1", "test")
    _stages(topics, run)
    plan = topics.deps.store.batches.latest_plan("topics", "b1")
    assert plan is not None
    part = Path(str(plan.results_path)) / "part-00000.parquet"
    if damage == "garbage":
        part.write_bytes(b"PAR1" + os.urandom(2000) + b"PAR1")
    else:
        pq.write_table(pq.read_table(part).drop_columns(["urgent"]), part)

    with pytest.raises(BatchAIError):
        release(topics.job, "b1", run, topics.deps)

    assert topics.deps.tables.current("topics", "b1") is None
    topics.runs = 1
    assert topics.run().state is State.COMPLETED


def test_wrong_rules_are_corrected_by_the_next_version_from_stored_answers(
    server: LocalProvider, tmp_path: Path
) -> None:
    wrong = {"rules": [{"name": "nothing_is_card", "sql": "topic <> 'card'"}]}
    strict = {"thresholds": {"min_items": 1, "block": ["dead_letter_rate"]}}
    with world(tmp_path, server.base_url, {**wrong, **strict}) as here:
        rows = plain(30)
        here.write_messages(rows)

        halted = here.run()
        assert halted.state is State.HALTED
        assert "dead_letter_rate" in halted.message
        assert halted.record is not None
        assert "--reprocess" in halted.record.next_step
        assert here.deps.tables.current("topics", "b1") is None

        corrected = make_job(tmp_path, strict)
        assert here.run(job=corrected).state is State.HALTED, "the frozen rules still hold"
        assert here.run(mode=Mode.REPROCESS, job=corrected).state is State.COMPLETED
        assert [row["item_id"] for row in here.results()] == ids(rows)
        assert {row["version"] for row in here.results()} == {2}
        assert server.stats()["calls"] == 30


def test_a_defect_in_a_stage_is_on_record_without_its_words(
    topics: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst() -> None:
        raise ValueError("quotes the document: a message about money")

    topics.write_messages(plain(3))
    failpoints.arm("before_pointer", burst)
    try:
        with pytest.raises(ValueError, match="quotes"):
            topics.run()
    finally:
        failpoints.disarm_all()

    assert topics.deps.store.batches.state("topics", "b1") is State.FAILED
    (row,) = topics.deps.store.overview("topics")
    assert "A defect (ValueError) stopped topics/b1" in row.message
    assert "money" not in row.message
    assert topics.deps.store.leases.holder("topics", "b1") is None
    assert topics.run().state is State.COMPLETED


def test_a_stage_before_its_turn_says_what_to_run_first(topics: World) -> None:
    for stage in (enrich, judge, release):
        with pytest.raises(StateError, match="is not planned yet"):
            stage(topics.job, "b1", Run("run-1", "test"), topics.deps)


@pytest.mark.parametrize("damage", [None, "", "{}", "[]", "{"])
def test_a_finished_batch_gets_its_lost_or_damaged_pointer_back(
    damage: str | None, topics: World, server: LocalProvider
) -> None:
    topics.write_messages(plain(3))
    first = topics.run()
    before = topics.deps.tables.current("topics", "b1")
    results = topics.home / "data" / "topics" / "results" / "b1"
    if damage is None:
        (results / "_current.json").unlink()
    else:
        (results / "_current.json").write_text(damage)
    assert {one.rule for one in fsck("topics", "b1", topics.deps)} <= {"pointer", "unreadable"}
    assert fsck("topics", "b1", topics.deps)

    assert topics.run().state is first.state

    assert topics.deps.tables.current("topics", "b1") == before
    assert fsck("topics", "b1", topics.deps) == []
    assert server.stats()["calls"] == 3


@pytest.mark.parametrize("damage", ["", "{}", "[]"])
def test_a_damaged_export_is_made_anew_and_fails_no_run(damage: str, topics: World) -> None:
    topics.write_messages([*plain(2), named("[[stub:refusal]]")])
    first = topics.run()
    for queue in ("dead_letter_queue", "review_queue"):
        pointer = topics.home / "data" / "topics" / queue / "b1" / "_latest.json"
        pointer.write_text(damage)

    assert topics.run().state is first.state

    letters = topics.deps.tables.latest("topics", "dead_letter_queue", "b1")
    assert letters is not None
    assert letters.rows == 1
    assert topics.deps.tables.latest("topics", "review_queue", "b1") is not None


def test_a_stage_before_its_turn_says_what_comes_first_and_leaves_the_batch_as_it_was(
    topics: World,
) -> None:
    topics.write_messages(plain(3))
    run = Run("run-1", "test")
    state = topics.deps.store.batches.state
    plan_work(topics.job, "b1", run, topics.deps, read_inputs(topics.job, "b1", run, topics.deps))
    before = state("topics", "b1")

    with pytest.raises(OrderError, match="Materialize enriched_outputs first"):
        judge(topics.job, "b1", run, topics.deps)
    with pytest.raises(OrderError, match="Run the whole job"):
        complete(topics.job, "b1", run, topics.deps)
    assert state("topics", "b1") is before
    enrich(topics.job, "b1", run, topics.deps)
    judge(topics.job, "b1", run, topics.deps)
    with pytest.raises(OrderError, match="Materialize results first"):
        complete(topics.job, "b1", run, topics.deps)
    assert state("topics", "b1") is State.RUNNING

    release(topics.job, "b1", run, topics.deps)
    assert complete(topics.job, "b1", run, topics.deps).state == "completed"
