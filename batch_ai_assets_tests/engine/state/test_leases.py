"""Leases: one run holds a batch, a dead one loses it, nobody takes what lives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.errors import LeaseHeldError
from batch_ai_assets.engine.state.database import Database
from batch_ai_assets.engine.state.leases import LIFETIME_SECONDS, Leases
from batch_ai_assets.engine.state.store import StateStore

from .conftest import Clock


@pytest.fixture
def leases(store: StateStore, clock: Clock) -> Leases:
    return Leases(store.database, clock, clock.sleep)


def test_the_second_run_waits_one_lifetime_and_then_says_who_holds_the_batch(
    leases: Leases, clock: Clock
) -> None:
    leases.take("topics", "b1", "run-1", "ada on desk, pid 7")
    began = clock.now
    # The first run's heartbeat goes on while the second waits.
    asleep = clock.sleep

    def sleep(seconds: float) -> None:
        asleep(seconds)
        leases._try("topics", "b1", "run-1", "ada on desk, pid 7")

    second = Leases(leases._db, clock, sleep)
    with pytest.raises(LeaseHeldError) as held:
        second.take("topics", "b1", "run-2", "bob")
    for words in ("topics/b1", "run-1", "ada on desk, pid 7", "since 1970-01-12 13:46:40Z"):
        assert words in str(held.value)
    assert LIFETIME_SECONDS <= clock.now - began <= LIFETIME_SECONDS + 2
    holder = leases.holder("topics", "b1")
    assert holder is not None
    assert holder.run_id == "run-1"


def test_the_lease_of_a_run_that_died_runs_out_while_the_next_waits(
    leases: Leases, clock: Clock
) -> None:
    leases.take("topics", "b1", "run-1", "ada")
    lease = leases.take("topics", "b1", "run-2", "bob")
    assert (lease.run_id, lease.holder, lease.fence) == ("run-2", "bob", 2)


def test_a_lease_that_was_given_back_is_free_at_once(leases: Leases, clock: Clock) -> None:
    leases.take("topics", "b1", "run-1", "ada")
    leases.release("topics", "b1", "run-1")
    assert leases.holder("topics", "b1") is None
    began = clock.now
    assert leases.take("topics", "b1", "run-2", "bob").fence == 2
    assert clock.now == began


def test_nobody_gives_back_what_another_holds(leases: Leases) -> None:
    leases.take("topics", "b1", "run-1", "ada")
    leases.release("topics", "b1", "run-2")
    assert leases.holder("topics", "b1") is not None


def test_two_batches_are_held_apart(leases: Leases) -> None:
    leases.take("topics", "b1", "run-1", "ada")
    assert leases.take("topics", "b2", "run-2", "bob").run_id == "run-2"
    assert leases.take("others", "b1", "run-3", "cid").run_id == "run-3"


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["try", "release"]), st.sampled_from("abc"), st.floats(0, 30)),
        max_size=40,
    )
)
def test_whatever_runs_try_at_most_one_holds_the_batch_and_fences_only_rise(
    steps: list[tuple[str, str, float]],
) -> None:
    database = Database("sqlite://", 0.1)
    database.prepare()
    clock = Clock()
    leases = Leases(database, clock, clock.sleep)
    holder: tuple[str, float] | None = None  # run, until when
    fence = 0
    for what, run, pause in steps:
        clock.sleep(pause)
        if what == "release":
            leases.release("topics", "b1", run)
            if holder is not None and holder[0] == run:
                holder = (run, 0.0)
            continue
        lease = leases._try("topics", "b1", run, run)
        free = holder is None or holder[1] <= clock.now or holder[0] == run
        assert (lease.run_id == run) == free
        assert lease.fence >= fence
        fence = lease.fence
        if free:
            holder = (run, clock.now + LIFETIME_SECONDS)
    database.close()
