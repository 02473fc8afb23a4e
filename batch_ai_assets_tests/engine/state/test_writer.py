"""The writer: what is handed over is committed once, in groups, or the writer says why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from batch_ai_assets.engine import failpoints
from batch_ai_assets.engine.errors import LeaseHeldError, StateError
from batch_ai_assets.engine.figures import End
from batch_ai_assets.engine.sealing import Sealer
from batch_ai_assets.engine.state.rows import DeadLetter, ItemRow, Plan, Status
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.engine.state.writer import Entry, Writer

from .conftest import fresh_store, planned

SEALER = Sealer([bytes(32)])


def manifest(store: StateStore, number: int, batch: str = "b1") -> Plan:
    plan = planned(store, number, batch)
    rows = [ItemRow(seq, f"m{seq}", bytes(32), 10, End.PENDING, "") for seq in range(number)]
    store.items.add(plan, rows, [])
    return plan


def answered(seq: int, attempt: int = 1) -> Entry:
    return Entry(
        seq=seq,
        shard=0,
        attempt=attempt,
        worker="run-1/0",
        status=Status.ANSWERED,
        request_hash=seq.to_bytes(32, "big"),
        at=1.0,
        content=f'{{"seq": {seq}}}'.encode(),
        tokens_in=10,
        tokens_out=2,
        cost_usd=0.5,
        money="settled",
    )


def dead(seq: int) -> Entry:
    letter = DeadLetter(seq, f"m{seq}", bytes(32), "refusal", "It refused.", 1, b"", None, 1.0)
    return replace(answered(seq), status=Status.DEAD, content=None, letter=letter)


def transient(seq: int) -> Entry:
    return replace(answered(seq), status=Status.TRANSIENT, content=None, money=None)


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.disarm_all()


KINDS = {"answered": answered, "dead": dead, "transient": transient}


@settings(max_examples=40)
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), max_size=60),
    flushes=st.sets(st.integers(0, 60)),
)
def test_everything_handed_over_is_committed_once_and_opens_again(
    kinds: list[str], flushes: set[int]
) -> None:
    with fresh_store() as store:
        plan = manifest(store, len(kinds))
        writer = Writer(store.database, plan, SEALER, interval_seconds=0.0)
        for seq, kind in enumerate(kinds):
            writer.put(KINDS[kind](seq))
            if seq in flushes:
                writer.flush()
                assert writer.committed == seq + 1
        writer.close()

        assert writer.error is None
        assert writer.committed == len(kinds)
        counts = {kind: kinds.count(kind) for kind in KINDS}
        rows = [row for chunk in store.answers.enriched(plan) for row in chunk]
        assert [row.seq for row in rows] == [
            n for n, kind in enumerate(kinds) if kind == "answered"
        ]
        for row in rows:
            assert SEALER.open(row.sealed, row.request_hash) == f'{{"seq": {row.seq}}}'.encode()
        assert store.conservation(plan).dead == counts["dead"]
        assert store.items.left_to_do(plan) == counts["transient"]
        usd, tokens = store.answers.spent(plan)
        paid = counts["answered"] + counts["dead"]
        assert (usd, tokens) == (0.5 * paid, 12 * paid)
        assert not any(store.examine(plan).values())


def test_answer_checkpoint_and_money_are_one_transaction(store: StateStore) -> None:
    plan = manifest(store, 2)
    writer = Writer(store.database, plan, SEALER, interval_seconds=0.0)
    writer.put(answered(0))
    writer.flush()
    writer.put(answered(1))
    writer.put(answered(0))  # the same attempt again: refused, and its group with it
    with pytest.raises(StateError, match="UNIQUE"):
        writer.flush()
    writer.close()

    with store.database.read() as connection:
        counts = {
            name: connection.scalar(sa.text(f"SELECT count(*) FROM {name}"))
            for name in ("answers", "checkpoints", "ledger")
        }
    assert counts == {"answers": 1, "checkpoints": 1, "ledger": 1}


def test_flush_returns_at_once_where_nothing_is_left_to_do(store: StateStore) -> None:
    writer = Writer(store.database, manifest(store, 0), SEALER)
    writer.flush()
    writer.close()
    assert writer.error is None


def test_close_commits_what_is_left(store: StateStore) -> None:
    plan = manifest(store, 50)
    writer = Writer(store.database, plan, SEALER, interval_seconds=0.2)
    for seq in range(50):
        writer.put(answered(seq))
    writer.close()
    assert writer.committed == 50


def test_entries_are_committed_in_groups(store: StateStore) -> None:
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    plan = manifest(store, 500)
    failpoints.arm("after_commit", count)
    writer = Writer(store.database, plan, SEALER, interval_seconds=0.05)
    for seq in range(500):
        writer.put(answered(seq))
    writer.close()
    assert writer.committed == 500
    assert commits <= 20


def test_a_full_queue_says_so_until_it_is_committed(store: StateStore) -> None:
    go = threading.Event()
    plan = manifest(store, 40)
    failpoints.arm("after_answer", lambda: go.wait(10) and None)
    writer = Writer(store.database, plan, SEALER, interval_seconds=0.0, capacity=8)
    writer.put(answered(0))
    for _ in range(500):
        if writer._committing_since is not None:
            break
        time.sleep(0.01)
    assert not writer.full
    for seq in range(1, 9):
        writer.put(answered(seq))
    assert writer.full
    go.set()
    writer.flush()
    assert not writer.full
    writer.close()
    assert writer.committed == 9


def test_a_commit_that_hangs_counts_as_full(store: StateStore) -> None:
    writer = Writer(store.database, manifest(store, 0), SEALER)
    assert not writer.full
    writer._committing_since = time.monotonic() - 3.0
    assert writer.full
    writer._committing_since = None
    writer.close()


def test_a_store_that_refuses_ends_the_writer_and_flush_says_why(store: StateStore) -> None:
    plan = manifest(store, 2)
    store.database.run(lambda connection: connection.execute(sa.text("DROP TABLE ledger")))
    writer = Writer(store.database, plan, SEALER, interval_seconds=0.0)
    writer.put(answered(0))
    with pytest.raises(StateError, match="no such table: ledger"):
        writer.flush()
    writer.put(answered(1))
    with pytest.raises(StateError):
        writer.flush()
    writer.close()
    assert writer.committed == 0
    assert store.answers.look_up([answered(0).request_hash]) == {}


def test_a_defect_ends_the_writer_instead_of_leaving_flush_waiting(store: StateStore) -> None:
    def burst() -> None:
        raise ZeroDivisionError

    failpoints.arm("after_answer", burst)
    writer = Writer(store.database, manifest(store, 1), SEALER, interval_seconds=0.0)
    writer.put(answered(0))
    with pytest.raises(StateError, match="ZeroDivisionError"):
        writer.flush()
    writer.close()


def test_a_run_that_lost_its_batch_cannot_commit(store: StateStore) -> None:
    plan = manifest(store, 2)
    store.leases.take("topics", "b1", "run-1", "ada")
    writer = Writer(store.database, plan, SEALER, run_id="run-1", interval_seconds=0.0)
    writer.put(answered(0))
    writer.flush()
    store.leases.release("topics", "b1", "run-1")
    store.leases.take("topics", "b1", "run-2", "bob")
    writer.put(answered(1))
    with pytest.raises(LeaseHeldError, match="taken over by run run-2"):
        writer.flush()
    writer.close()
    assert writer.committed == 1


def test_ids_rise_and_never_repeat() -> None:
    with fresh_store() as store:
        writer = Writer(store.database, manifest(store, 0), SEALER)
        ids = [one for _ in range(50) for one in islice(writer._ids(), 100)]
        assert ids == sorted(set(ids))
        writer.close()


def test_after_a_refused_commit_no_more_work_is_taken_until_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StateStore.open(f"sqlite:///{tmp_path / 'state.sqlite'}", patience_seconds=20.0)
    plan = manifest(store, 1)
    real, full_disk, tried = store.database.insert, threading.Event(), threading.Event()
    full_disk.set()

    def insert(*arguments: Any) -> None:
        tried.set()
        if full_disk.is_set():
            raise sa.exc.OperationalError("INSERT", None, Exception("database or disk is full"))
        real(*arguments)

    monkeypatch.setattr(store.database, "insert", insert)
    writer = Writer(store.database, plan, SEALER)
    writer.put(answered(0))
    assert tried.wait(10)
    deadline = time.monotonic() + 0.45  # sooner than a commit that merely hangs would be noticed
    while not writer.full and time.monotonic() < deadline:
        time.sleep(0.005)
    assert writer.full

    full_disk.clear()
    writer.flush()
    assert not writer.full
    writer.close()
    assert writer.error is None
    store.close()


def test_what_comes_during_a_commit_waits_for_the_next_one() -> None:
    with fresh_store() as store:
        writer = Writer(store.database, manifest(store, 100), SEALER, interval_seconds=0.2)
        coming = iter(range(1, 100))
        failpoints.arm("after_answer", lambda: writer.put(answered(next(coming))))
        writer.put(answered(0))
        time.sleep(0.7)
        failpoints.disarm_all()
        writer.close()
        assert writer.error is None
        assert 2 <= writer.committed <= 5, "each commit lets the next one wait for its interval"


def test_two_writers_that_draw_the_same_ids_at_the_same_moment_both_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = chain([7, 7], repeat(8))
    monkeypatch.setattr("batch_ai_assets.engine.state.writer.writer_bits", lambda: next(drawn))
    monkeypatch.setattr("batch_ai_assets.engine.state.writer.time.time_ns", lambda: 10**18)
    with fresh_store() as store:
        plans = [manifest(store, 3, batch) for batch in ("b1", "b2")]
        for plan in plans:
            writer = Writer(store.database, plan, SEALER)
            for seq in range(3):
                writer.put(answered(seq))
            writer.flush()
            writer.close()
        with store.database.read() as connection:
            ids = list(connection.scalars(sa.text("SELECT answer_id FROM answers")))
    assert len(ids) == 6
    assert {number & 0x3FF for number in ids} == {7, 8}
