"""Batches whose process died, or that lost their store: put down, told of, and run on or not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets.engine.control.resuming import goes_on
from batch_ai_assets.engine.ordering import order
from batch_ai_assets.engine.standstills import standstills
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.orders import OrderKind
from batch_ai_assets.engine.upkeep import keep_alerts_true, put_down_death
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, world
from .instants import once_called
from .items import plain
from .test_alerts import lines
from .test_store_away import for_a_while, taken_away


def die(here: World, run_id: str) -> None:
    """What a run leaves behind whose process is killed before an answer was committed."""
    store = here.deps.store
    if store.batches.state("topics", "b1") is State.RUNNING:  # as the stage of another run sees it
        put_down_death(here.job, "b1", f"run:{run_id}", here.deps)
    store.leases.take("topics", "b1", run_id, "a process that is gone")
    store.batches.move("topics", "b1", State.RUNNING, who="test", run_id=run_id)
    store.leases.release("topics", "b1", run_id)


def why(here: World) -> list[str]:
    found = standstills({"topics": here.job}, here.deps)
    keep_alerts_true(found, here.deps)
    return [goes_on(one, here.deps.store.clock()) for one in found.values()]


def test_a_batch_whose_process_died_goes_on_and_its_history_says_so(topics: World) -> None:
    topics.write_messages(plain(5))
    prepare(topics)
    die(topics, "dead-1")
    put_down_death(topics.job, "b1", "sensor:resumes", topics.deps)
    assert why(topics) == ["the run that worked on it is gone"]
    assert topics.run().state is State.COMPLETED
    steps = topics.deps.store.transitions("topics", "b1")
    died = [step for step in steps if step.reason == "died"]
    assert [(step.from_state, step.to_state, step.who) for step in died] == [
        ("running", "interrupted", "sensor:resumes")
    ]


def test_a_run_that_takes_over_puts_the_death_down_itself(topics: World) -> None:
    topics.write_messages(plain(5))
    prepare(topics)
    die(topics, "dead-1")
    assert topics.run().state is State.COMPLETED
    steps = topics.deps.store.transitions("topics", "b1")
    assert [step.reason for step in steps].count("died") == 1


def test_three_deaths_without_an_answer_are_left_to_a_person_who_is_told(topics: World) -> None:
    topics.write_messages(plain(5))
    prepare(topics)
    for number in range(3):
        die(topics, f"dead-{number}")
    put_down_death(topics.job, "b1", "sensor:resumes", topics.deps)
    assert why(topics) == [""]
    [kept] = topics.deps.store.alerts.open()
    assert (kept.alert.kind, kept.alert.figures) == ("stuck", {"deaths": 3.0})

    order(topics.job, "b1", OrderKind.RESUME, Run("o", "cli:tester"), topics.deps)
    assert why(topics) == ["the run that worked on it is gone"]
    assert topics.deps.store.alerts.open() == []


def prepare(here: World) -> None:
    """The batch planned, and nothing of it asked."""
    run = Run("planner", "test")
    raw = read_inputs(here.job, "b1", run, here.deps)
    plan_work(here.job, "b1", run, here.deps, raw)
    here.deps.store.leases.release("topics", "b1", "planner")


def test_an_alert_about_the_store_needs_no_store_and_is_taken_in_when_it_is_back(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, patience_seconds=0.3) as here:
        here.write_messages(plain(300))
        over = threading.Event()
        gone: Callable[[], None] = for_a_while(taken_away, tmp_path / "state/state.sqlite", over)
        with once_called(server, 50, gone):
            assert here.run().state is State.FAILED
        assert [(line["kind"], line["change"]) for line in lines(here)] == [
            ("state_store", "opened")
        ]
        over.set()
        while not (tmp_path / "state/state.sqlite").exists():
            pass
        here.deps.store.leases.release("topics", "b1", "run-1")
        why(here)  # the store has taken it in; the batch stands as running, and not as failed
        assert here.run().state is State.COMPLETED
        assert here.deps.store.alerts.open() == []
        assert [line["change"] for line in lines(here)] == ["opened", "resolved"]
        assert not list((tmp_path / "alerts/unstored").glob("*"))
