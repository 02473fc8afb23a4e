"""The state store on PostgreSQL: the same promises as on SQLite, by the same code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.capping import caps_of
from batch_ai_assets.engine.costs import add_up
from batch_ai_assets.engine.deciding import decide
from batch_ai_assets.engine.errors import StateError
from batch_ai_assets.engine.state.database import Database
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.rows import Kind
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, message, stub, world
from .conftest import PASSWORD

Sql = Callable[[str], str]


@pytest.fixture(scope="module")
def provider() -> Iterator[LocalProvider]:
    with stub() as server:
        yield server


@pytest.fixture
def here(tmp_path: Path, database: str, provider: LocalProvider) -> Iterator[World]:
    """A world whose truth is in PostgreSQL."""
    provider.reset_stats()
    store = StateStore.open(database)
    with world(tmp_path, provider.base_url) as made:
        made.deps = replace(made.deps, store=store)
        yield made
    store.close()


def test_a_batch_ends_with_every_item_in_one_place(here: World, provider: LocalProvider) -> None:
    bad = {"id": "bad", "text": "   "}
    refused = message(900, "[[stub:refusal]]")
    here.write_messages([*(message(n) for n in range(300)), bad, bad, refused])

    outcome = here.run()

    counts = here.counts()
    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS, outcome.message
    assert (counts.items, counts.valid, counts.dead, counts.pending) == (303, 300, 3, 0)
    assert len(here.results()) == 300
    assert provider.stats()["calls"] >= 301
    plan = here.deps.store.batches.latest_plan("topics", "b1")
    assert plan is not None
    assert set(here.deps.store.examine(plan).values()) == {0}


def test_nothing_is_asked_twice_and_unchanged_items_are_skipped(
    here: World, provider: LocalProvider
) -> None:
    here.write_messages(message(n) for n in range(40))
    here.run()
    calls = provider.stats()["calls"]

    again = here.run()
    reprocessed = here.run(mode=Mode.REPROCESS)
    next_batch = here.run("b2")

    assert provider.stats()["calls"] == calls
    assert again.message.endswith("--fresh asks the provider again.")
    assert (reprocessed.state, next_batch.state) == (State.COMPLETED, State.COMPLETED)
    assert here.counts("b2").skipped == 40
    assert [one.version for one in here.deps.store.releases.of("topics", "b1")] == [1, 2]


def test_what_a_person_decides_is_carried_out(here: World, provider: LocalProvider) -> None:
    lost = message(901, "[[stub:500,500,500,ok]]")
    spam, left = message(902, "[[stub:400]]"), message(903, "[[stub:400]]")
    here.write_messages([message(1), lost, spam, left])
    here.run()
    for kind, one in ((Kind.REPLAY, lost), (Kind.DISCARD, spam)):
        decide(here.job, "b1", kind, here.deps, who="cli:ada", why="x", items=[one["id"]])
    assert here.deps.store.decisions.not_carried_out("topics").keys() == {"b1"}

    here.run()

    counts = here.counts()
    assert (counts.valid, counts.dead, counts.discarded) == (2, 1, 1)
    assert here.dead() == {left["id"]: "rejected"}
    assert provider.stats()["items"][str(lost["id"])]["calls"] == 4
    assert here.deps.store.decisions.not_carried_out("topics") == {}
    plan = here.deps.store.batches.latest_plan("topics", "b1")
    assert plan is not None
    assert set(here.deps.store.examine(plan).values()) == {0}


def test_of_many_runs_at_once_one_gets_the_batch(database: str) -> None:
    stores = [StateStore.open(database) for _ in range(6)]
    holders: list[str] = []

    def take(number: int) -> None:
        lease = stores[number].leases._try("topics", "b1", f"run-{number}", "me")
        holders.append(lease.run_id)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()

    assert len(holders) == 6
    assert len(set(holders)) == 1


def test_two_processes_may_make_the_tables_at_once(database: str) -> None:
    problems: list[BaseException] = []

    def prepare() -> None:
        try:
            StateStore.open(database).close()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []


def test_a_view_is_of_one_instant_and_writes_nothing(database: str) -> None:
    store = StateStore.open(database)
    with store.database.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM batches").scalar()
        store.batches.move("topics", "b1", State.PLANNED, who="me", run_id="r")
        after = connection.exec_driver_sql("SELECT count(*) FROM batches").scalar()

    assert (before, after) == (0, 0)
    with pytest.raises(StateError, match="read-only"), store.database.read() as connection:
        connection.exec_driver_sql("DELETE FROM batches")
    store.close()


def test_a_writer_that_hangs_holds_the_others_up_for_their_patience_alone(database: str) -> None:
    patient, hanging = Database(database, patience_seconds=0.3), Database(database)
    patient.prepare()

    with pytest.raises(StateError, match="lock timeout"):
        hanging.run(lambda _: patient.run(lambda connection: None))
    patient.close()
    hanging.close()


def test_a_server_that_was_away_for_a_moment_costs_nothing(here: World, server: Any) -> None:
    here.write_messages(message(n) for n in range(20))
    here.run()
    server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'me'")

    assert here.run("b2").state is State.COMPLETED
    assert here.counts("b2").skipped == 20


def test_a_wrong_password_is_said_without_the_password(database: str) -> None:
    with pytest.raises(StateError) as caught:
        StateStore.open(database.replace("hunter2", "wrong-guess"), patience_seconds=0.1)

    assert "password authentication failed" in str(caught.value)
    assert "wrong-guess" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_month_adds_up_to_its_ledger(here: World) -> None:
    here.write_messages([*(message(n) for n in range(5)), message(900, "[[stub:refusal]]")])
    here.run()
    store = here.deps.store
    at = store.clock()
    record = add_up(store, time.strftime("%Y-%m", time.gmtime(at)), caps_of([here.job]))
    row = store.overview("topics")[0]
    assert record.total.usd == pytest.approx(row.cost_usd)
    assert {one.end: one.sums.calls for one in record.outcomes} == {"valid": 5, "dead": 1}
    today = [one for one in record.days if one.usd]
    assert [f"{one.day}" for one in today] == [time.strftime("%Y-%m-%d", time.gmtime(at))]
    assert record.jobs[0].last_batches[0].usd == pytest.approx(row.cost_usd)
