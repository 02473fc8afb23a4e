"""What a person orders of a batch: it stops, goes on, or is given up, and nothing is lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

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
from batch_ai_assets.engine.control.resuming import goes_on, is_put_down
from batch_ai_assets.engine.errors import BatchCancelled, OrderError
from batch_ai_assets.engine.order import OrderKind
from batch_ai_assets.engine.ordering import order
from batch_ai_assets.engine.standstills import standstills
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.outages import outage_key
from batch_ai_assets.engine.state.rows import Plan
from batch_ai_assets.engine.upkeep import put_down_death
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, message, world
from .items import plain

PERSON = Run("order", "cli:tester")


def told_at_work(here: World, kind: OrderKind) -> None:
    """The order, once the run has had some answers."""
    store = here.deps.store
    while store.figures("topics", "b1").answered < 10:
        time.sleep(0.02)
    order(here.job, "b1", kind, PERSON, here.deps, why="prices")


def test_a_batch_at_work_pauses_within_seconds_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with (
        LocalProvider(ServerOptions(model="stub", latency_ms=30)) as server,
        world(tmp_path, server.base_url, {"limits": {"concurrency": 4}}) as here,
    ):
        here.write_messages(message(number) for number in range(600))
        person = threading.Thread(target=told_at_work, args=(here, OrderKind.PAUSE))
        person.start()
        outcome = here.run()
        person.join()
        assert outcome.state is State.PAUSED
        assert "paused by cli:tester (prices)" in outcome.message
        counts = here.counts()
        assert counts.pending
        assert counts.holds
        again = here.run()
        assert again.state is State.PAUSED, "a run does not go over the order"
        order(here.job, "b1", OrderKind.RESUME, PERSON, here.deps)
        assert here.run().state is State.COMPLETED
        assert here.counts().valid == 600
        assert server.stats()["calls"] == 600


def test_a_cancelled_batch_keeps_its_answers_and_asks_no_more(tmp_path: Path) -> None:
    with (
        LocalProvider(ServerOptions(model="stub", latency_ms=30)) as server,
        world(tmp_path, server.base_url, {"limits": {"concurrency": 4}}) as here,
    ):
        here.write_messages(message(number) for number in range(600))
        person = threading.Thread(target=told_at_work, args=(here, OrderKind.CANCEL))
        person.start()
        assert here.run().state is State.CANCELLED
        person.join()
        counts, asked = here.counts(), server.stats()["calls"]
        assert counts.cancelled
        assert not counts.pending
        assert counts.holds
        assert here.run().state is State.CANCELLED
        assert server.stats()["calls"] == asked
        with pytest.raises(OrderError, match="nothing to pause"):
            order(here.job, "b1", OrderKind.PAUSE, PERSON, here.deps)


def test_a_batch_that_is_cancelled_while_it_is_judged_releases_nothing(topics: World) -> None:
    topics.write_messages(plain(3))
    job, deps, run = topics.job, topics.deps, Run("run-1", "test")
    plan_work(job, "b1", run, deps, read_inputs(job, "b1", run, deps))
    enrich(job, "b1", run, deps)
    said = order(job, "b1", OrderKind.CANCEL, PERSON, deps)
    assert "is at work" in said.said
    with pytest.raises(BatchCancelled):
        judge(job, "b1", run, deps)
    with pytest.raises(BatchCancelled):
        read_inputs(job, "b1", run, deps)
    assert deps.store.batches.state("topics", "b1") is State.CANCELLED
    assert deps.tables.current("topics", "b1") is None


def test_an_order_that_came_too_late_says_nothing_of_the_next_version(topics: World) -> None:
    topics.write_messages(plain(3))
    job, deps, run = topics.job, topics.deps, Run("run-1", "test")
    plan_work(job, "b1", run, deps, read_inputs(job, "b1", run, deps))
    enrich(job, "b1", run, deps)
    judge(job, "b1", run, deps)
    release(job, "b1", run, deps)
    order(job, "b1", OrderKind.CANCEL, PERSON, deps)  # what is released is released
    complete(job, "b1", run, deps)
    assert topics.run(mode=Mode.FRESH).state is State.COMPLETED


def test_a_batch_that_waits_for_its_provider_can_be_paused_and_goes_on_once_both_are_over(
    topics: World,
) -> None:
    topics.write_messages(plain(3))
    deps, jobs = topics.deps, {"topics": topics.job}
    plan = planned(topics)
    deps.store.outages.open(outage_key(plan), "HTTP 503.")
    deps.store.batches.move(
        "topics", "b1", State.PAUSED, reason="provider", who="test", run_id="run-1"
    )
    order(topics.job, "b1", OrderKind.PAUSE, PERSON, deps)
    with pytest.raises(OrderError, match="paused already"):
        order(topics.job, "b1", OrderKind.PAUSE, PERSON, deps)
    deps.store.outages.passed(outage_key(plan))
    [one] = standstills(jobs, deps).values()
    assert not goes_on(one, deps.store.clock()), "the person has the last word"

    deps.store.outages.open(outage_key(plan), "HTTP 503.")
    said = order(topics.job, "b1", OrderKind.RESUME, PERSON, deps)
    assert "may go on, but: Batch topics/b1 waits for provider" in said.said
    assert not said.waits_for_run


def test_an_order_to_a_run_that_dies_before_it_hears_of_it_is_carried_out(topics: World) -> None:
    topics.write_messages(plain(3))
    deps = topics.deps
    planned(topics)
    deps.store.leases.take("topics", "b1", "run-1", "a process that will be killed")
    deps.store.batches.move("topics", "b1", State.RUNNING, who="test", run_id="run-1")
    assert "is at work" in order(topics.job, "b1", OrderKind.CANCEL, PERSON, deps).said
    deps.store.leases.release("topics", "b1", "run-1")
    [one] = standstills({"topics": topics.job}, deps).values()
    assert is_put_down(one, deps.store.clock() + 60)
    put_down_death(topics.job, "b1", "sensor:resumes", deps)
    assert deps.store.batches.state("topics", "b1") is State.CANCELLED


def test_a_batch_that_somebody_interrupted_goes_on_when_it_is_told_to(topics: World) -> None:
    topics.write_messages(plain(3))
    deps = topics.deps
    planned(topics)
    deps.store.batches.move(
        "topics", "b1", State.INTERRUPTED, reason="interrupted", who="test", run_id="run-1"
    )
    order(topics.job, "b1", OrderKind.RESUME, PERSON, deps)
    [one] = standstills({"topics": topics.job}, deps).values()
    assert goes_on(one, deps.store.clock()) == "it was told to go on"


def planned(here: World) -> Plan:
    """A batch of which nothing was asked yet, and that nobody holds."""
    run = Run("run-1", "test")
    plan_work(here.job, "b1", run, here.deps, read_inputs(here.job, "b1", run, here.deps))
    here.deps.store.leases.release("topics", "b1", "run-1")
    plan = here.deps.store.batches.latest_plan("topics", "b1")
    assert plan is not None
    return plan
