"""Whole batches whose documents come from a query or from another job, not from files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, message, stub, world


@pytest.fixture(scope="module")
def provider() -> Iterator[LocalProvider]:
    with stub() as server:
        yield server


@pytest.fixture
def here(tmp_path: Path, provider: LocalProvider) -> Iterator[World]:
    provider.reset_stats()
    secrets = {"env:DESK": f"sqlite:///{tmp_path}/desk.sqlite"}
    with world(tmp_path, provider.base_url, secrets=secrets) as made:
        yield made


def next_job(here: World, **source: Any) -> ResolvedJob:
    """A job that reads what `topics` has released."""
    reads = {"path": None, "format": "text", "asset": "topics", "text": "topic", **source}
    job = make_job(here.home, {"job": "routes", "input": reads})
    return job.model_copy(update={"upstream": "topics", "partitions_of": "topics"})


def sources(here: World, job: str = "routes", batch: str = "b1") -> list[str]:
    table = here.deps.tables.latest(job, "raw_inputs", batch)
    assert table is not None
    return [str(name) for name in table.to_arrow(["source"])["source"].to_pylist()]


def test_the_rows_of_a_query_become_results(here: World, provider: LocalProvider) -> None:
    with sqlite3.connect(here.home / "desk.sqlite") as desk:
        desk.execute("CREATE TABLE mails (id INTEGER, text TEXT)")
        desk.executemany("INSERT INTO mails VALUES (?, ?)", [(n, f"mail {n}") for n in range(30)])
        desk.execute("INSERT INTO mails VALUES (30, NULL)")
    query = {"url": "env:DESK", "query": "SELECT id, text FROM mails ORDER BY id"}
    job = make_job(here.home, {"input": {"path": None, "format": "text", "sql": query}})

    outcome = here.run(job=job)

    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert here.dead() == {"30": "missing_text"}
    assert {row["item_id"] for row in here.results()} == {str(n) for n in range(30)}
    assert here.run("b2", job=job).state is State.COMPLETED
    assert here.counts("b2").skipped == 31
    assert provider.stats()["calls"] == 30


def test_a_query_that_fails_asks_nobody_and_leaves_the_batch_planned(
    here: World, provider: LocalProvider
) -> None:
    sqlite3.connect(here.home / "desk.sqlite").close()
    query = {"url": "env:DESK", "query": "SELECT id, text FROM mails"}
    job = make_job(here.home, {"input": {"path": None, "format": "text", "sql": query}})

    outcome = here.run(job=job)

    assert "no such table: mails" in outcome.message
    assert here.deps.store.batches.state("topics", "b1") is State.PLANNED
    assert not (here.home / "data" / "topics" / "raw_inputs").exists()
    assert provider.stats()["calls"] == 0


def test_each_released_row_becomes_one_item_of_the_next_job(here: World) -> None:
    here.write_messages([*(message(n) for n in range(20)), message(99, "[[stub:refusal]]")])
    here.run()

    outcome = here.run(job=next_job(here))

    assert outcome.state is State.COMPLETED
    assert outcome.record is not None
    assert outcome.record.conservation.line.startswith("20 items = 0 pending + 20 valid")
    assert sources(here) == [row["output_id"] for row in here.results()]


def test_an_empty_batch_goes_down_the_chain_and_ends(here: World) -> None:
    here.write_messages([])
    here.run()

    outcome = here.run(job=next_job(here))

    assert outcome.state is State.COMPLETED
    assert sources(here) == []


def test_what_is_halted_upstream_is_waited_for(here: World, provider: LocalProvider) -> None:
    here.write_messages([message(1)])

    outcome = here.run(job=next_job(here))

    assert "Nothing of topics/b1 is released" in outcome.message
    assert here.deps.store.batches.state("routes", "b1") is State.PLANNED
    here.run()
    assert here.run(job=next_job(here)).state is State.COMPLETED


def test_a_new_version_of_the_batch_reads_what_is_released_by_then(
    here: World, provider: LocalProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "batch_ai")
    here.write_messages([message(1), message(2)])
    here.run()
    job = next_job(here)
    here.run(job=job)
    here.run(job=job, mode=Mode.REPROCESS)
    assert {source.rpartition("/")[2] for source in sources(here)} == {"1"}
    paths = {path.name for path in (here.home / "data/routes/raw_inputs/b1").iterdir()}

    here.run(mode=Mode.REPROCESS)
    assert "upstream_changed" not in caplog.text
    assert here.run(job=job).state is State.COMPLETED
    assert "upstream_changed" in caplog.text
    assert {source.rpartition("/")[2] for source in sources(here)} == {"1"}
    calls = provider.stats()["calls"]
    here.run(job=job, mode=Mode.REPROCESS)

    assert {source.rpartition("/")[2] for source in sources(here)} == {"2"}
    assert provider.stats()["calls"] == calls  # the rows say the same: stored answers serve them
    assert len(list((here.home / "data/routes/raw_inputs/b1").iterdir())) == len(paths) + 1


def test_a_batch_that_was_stopped_goes_on_with_the_rows_it_began_with(
    here: World, tmp_path: Path
) -> None:
    here.write_messages([message(1), message(2)])
    here.run()
    job = next_job(here)
    poor = make_job(here.home, {"job": "routes", "budget": {"limit_usd": 1e-9}})
    halted = here.run(
        job=job.model_copy(
            update={"spec": job.spec.model_copy(update={"budget": poor.spec.budget})}
        )
    )
    here.run(mode=Mode.REPROCESS)

    outcome = here.run(job=job, mode=Mode.REPROCESS)

    assert halted.state is State.HALTED
    assert outcome.state is State.COMPLETED
    assert {source.rpartition("/")[2] for source in sources(here)} == {"1"}


def test_a_row_classed_above_the_next_job_is_not_sent(
    tmp_path: Path, provider: LocalProvider
) -> None:
    classed = {"classification": "class"}
    with world(tmp_path, provider.base_url, {"input": classed}) as here:
        internal = here.job.spec.model_copy(update={"data_classification": "internal"})
        here.job = here.job.model_copy(
            update={
                "spec": internal,
                "provider": here.job.provider.model_copy(
                    update={"approved_classes": ("public", "internal")}
                ),
            }
        )
        classes = {1: "internal", 2: "public"}
        here.write_messages({**message(n), "class": name} for n, name in classes.items())
        here.run()
        here.run(job=next_job(here))

        assert replace(here, job=next_job(here)).dead() == {"m1": "classified_above_job"}
