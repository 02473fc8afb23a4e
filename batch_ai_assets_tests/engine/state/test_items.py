"""Items and answers: what still needs a call, and who may have what."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.figures import End
from batch_ai_assets.engine.sealing import Sealer
from batch_ai_assets.engine.state.answers import hash_key
from batch_ai_assets.engine.state.rows import ItemRow, Status, ToDo
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.engine.state.writer import Entry, Writer

from .conftest import fresh_store, planned

SEALER = Sealer([bytes(32)])

outcomes = st.lists(
    st.lists(st.sampled_from([Status.TRANSIENT, Status.INVALID]), max_size=3).flatmap(
        lambda before: st.sampled_from(
            [
                before,
                [*before, Status.ANSWERED],
                [*before, Status.DEAD],
                [*before, Status.FROM_STORE],
            ]
        )
    ),
    max_size=30,
)


def digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


@settings(max_examples=40)
@given(tried=outcomes, splits=st.integers(0, 3), limit=st.integers(1, 7))
def test_what_is_to_do_is_what_has_neither_an_answer_nor_an_end(
    tried: list[list[Status]], splits: int, limit: int
) -> None:
    with fresh_store() as store:
        plan = planned(store, len(tried))
        rows = [ItemRow(n, f"m{n}", digest(n), 1, End.PENDING, "") for n in range(len(tried))]
        store.items.add(plan, rows, [])
        writer = Writer(store.database, plan, SEALER, interval_seconds=0.0)
        for seq, statuses in enumerate(tried):
            for split in range(1, splits + 1):
                writer.put(Entry(seq, 0, -split, "r/0", Status.SPLIT, digest(seq), 0.0))
            for attempt, status in enumerate(statuses, 1):
                content = b"{}" if status is Status.ANSWERED else None
                writer.put(Entry(seq, 0, attempt, "r/0", status, digest(seq), 0.0, content))
        writer.close()
        assert writer.error is None

        done = {Status.ANSWERED, Status.DEAD, Status.FROM_STORE}
        wanted = {n: len(tries) for n, tries in enumerate(tried) if not done & set(tries)}
        assert store.items.left_to_do(plan) == len(wanted)
        found: list[ToDo] = []
        while chunk := store.items.to_do(plan, [0], found[-1].seq if found else -1, limit):
            assert len(chunk) <= limit
            found += chunk
        assert found == [ToDo(seq, 0, attempts, splits) for seq, attempts in wanted.items()]
        assert store.items.to_do(plan, [1], -1, limit) == []


def test_items_of_a_higher_priority_come_first(store: StateStore) -> None:
    plan = planned(store, 6)
    rows = [
        ItemRow(n, f"m{n}", digest(n), 1, End.PENDING, "", priority=(0, 2, -1)[n % 3])
        for n in range(6)
    ]
    store.items.add(plan, rows, [])
    assert store.items.priorities(plan, [0]) == [2, 0, -1]
    assert [one.seq for one in store.items.to_do(plan, [0], -1, 9, priority=2)] == [1, 4]


def test_an_item_belongs_to_the_batch_that_claimed_it_first(store: StateStore) -> None:
    a, b, c = ("a", digest(1)), ("b", digest(2)), ("c", digest(3))
    assert store.claims.take("topics", "monday", [a, b]) == set()
    assert store.claims.take("topics", "monday", [a]) == set(), "its own again"
    changed = ("b", digest(9))
    held = store.claims.take("topics", "tuesday", [a, changed, c])
    assert held == {a}, "another content of b is another item"


def test_an_answer_is_found_by_the_whole_hash_not_by_its_first_bytes(store: StateStore) -> None:
    plan = planned(store, 2)
    rows = [ItemRow(n, f"m{n}", digest(n), 1, End.PENDING, "") for n in range(2)]
    store.items.add(plan, rows, [])
    one, twin = b"\x00" * 31 + b"\x01", b"\x00" * 31 + b"\x02"
    assert hash_key(one) == hash_key(twin)
    writer = Writer(store.database, plan, SEALER, interval_seconds=0.0)
    writer.put(Entry(0, 0, 1, "r/0", Status.ANSWERED, one, 0.0, b"{}"))
    writer.close()
    assert set(store.answers.look_up([one, twin])) == {one}


def test_of_two_answers_to_one_request_the_newest_is_found(store: StateStore) -> None:
    plan = planned(store, 2)
    rows = [ItemRow(n, f"m{n}", digest(n), 1, End.PENDING, "") for n in range(2)]
    store.items.add(plan, rows, [])
    writer = Writer(store.database, plan, SEALER, interval_seconds=0.0)
    for seq in range(2):
        writer.put(Entry(seq, 0, 1, "r/0", Status.ANSWERED, digest(7), 0.0, b"{}", tokens_in=seq))
        writer.flush()
    writer.close()
    assert store.answers.look_up([digest(7)])[digest(7)].tokens_in == 1


@given(value=st.binary(min_size=32, max_size=32))
def test_a_hash_key_fits_a_signed_64_bit_column(value: bytes) -> None:
    assert -(2**63) <= hash_key(value) < 2**63


def test_a_version_that_was_never_asked_is_planned_anew_in_its_place(store: StateStore) -> None:
    first = planned(store, 1)
    store.items.add(first, [ItemRow(0, "a", digest(0), 1, End.PENDING, "")], [])
    store.batches.mark(first.plan_id, planned_at=1.0, work_plan_path="/w", started_at=1.0)
    again = planned(store, 2)
    assert (again.plan_id, again.version, again.items) == (first.plan_id, 1, 2)
    assert (again.planned_at, again.work_plan_path, again.started_at) == (None, None, None)
    assert store.conservation(again).accounted == 0


@pytest.mark.parametrize("touched", ["asked", "judged", "finished"])
def test_a_version_that_was_asked_judged_or_finished_gets_a_successor(
    touched: str, store: StateStore
) -> None:
    first = planned(store, 1)
    store.items.add(first, [ItemRow(0, "a", digest(0), 1, End.PENDING, "")], [])
    store.batches.mark(first.plan_id, planned_at=1.0)
    assert store.batches.untouched(first)
    if touched == "asked":
        writer = Writer(store.database, first, SEALER, interval_seconds=0.0)
        writer.put(Entry(0, 0, 1, "r/0", Status.TRANSIENT, digest(0), 0.0))
        writer.close()
    elif touched == "judged":
        store.batches.mark(first.plan_id, results_path="/r")
    else:
        store.batches.mark(first.plan_id, finished_at=2.0)
    assert not store.batches.untouched(first)
    assert planned(store).version == 2
    assert store.conservation(first).accounted == 1
