from __future__ import annotations

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.store import StateStore

ONE, TWO = ("m1", b"\1" * 32), ("m2", b"\2" * 32)


def move(store: StateStore, batch: str, *states: State) -> None:
    for state in states:
        store.batches.move("topics", batch, state, who="test", run_id="r")


def test_an_item_belongs_to_the_batch_that_took_it_first(store: StateStore) -> None:
    move(store, "first", State.PLANNED, State.RUNNING)

    assert store.claims.take("topics", "first", [ONE]) == set()
    assert store.claims.take("topics", "second", [ONE, TWO]) == {ONE}
    assert store.claims.take("topics", "first", [ONE, TWO]) == {TWO}


def test_who_asks_again_for_what_it_holds_gets_it(store: StateStore) -> None:
    store.claims.take("topics", "first", [ONE, ONE])

    assert store.claims.take("topics", "first", [ONE]) == set()


def test_a_batch_that_stopped_keeps_its_items_and_a_finished_one_gives_them_up(
    store: StateStore,
) -> None:
    move(store, "first", State.PLANNED, State.RUNNING)
    store.claims.take("topics", "first", [ONE])

    for state in (State.INTERRUPTED, State.RUNNING, State.HALTED, State.RUNNING):
        move(store, "first", state)
        assert store.claims.take("topics", "second", [ONE]) == {ONE}
    move(store, "first", State.COMPLETED)
    assert store.claims.take("topics", "second", [ONE]) == set()
    assert store.claims.take("topics", "third", [ONE]) == {ONE}


def test_other_jobs_and_other_contents_are_other_claims(store: StateStore) -> None:
    store.claims.take("topics", "first", [ONE])

    assert store.claims.take("letters", "second", [ONE]) == set()
    assert store.claims.take("topics", "second", [("m1", b"\3" * 32)]) == set()
