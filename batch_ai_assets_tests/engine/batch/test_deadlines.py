"""A deadline is watched: 70, 90 and 100 % of its time are said once each, whoever restarts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.alerting import outbox
from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets.engine.deadlines import deadline_is_met, watched_deadline
from batch_ai_assets.engine.glances import glance
from batch_ai_assets.engine.held import move
from batch_ai_assets.engine.metrics import metrics
from batch_ai_assets.engine.state.boosts import Boost
from batch_ai_assets.engine.state.database import Database
from batch_ai_assets.engine.state.leases import Leases
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.paces import Paces
from batch_ai_assets.engine.state.rows import Plan
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.engine.watching import watch

from ..state.conftest import Clock
from ..world import World, message, world

RUN = Run("run-1", "test")
BEGAN = 1_000_000.0
SPEC: dict[str, Any] = {
    "sla": {"within": "1000s"},
    "limits": {"concurrency": 4, "most_concurrency": 32},
    "retry": {"base_seconds": 0.02, "max_seconds": 0.1, "timeout_seconds": 2.0},
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A batch of 100 documents that has begun to ask, at a time that the test moves."""
    with world(tmp_path, spec=SPEC) as made:
        made.write_messages(message(number) for number in range(100))
        restarted = at(made, BEGAN)
        raw = read_inputs(restarted.job, "b1", RUN, restarted.deps)
        plan_work(restarted.job, "b1", RUN, restarted.deps, raw)
        move(restarted.job, "b1", RUN, restarted.deps, State.RUNNING)
        yield made


def at(here: World, now: float) -> World:
    """The same home seen by another process, at that time: nothing is remembered but the store."""
    database = Database(f"sqlite:///{here.home}/state/state.sqlite", patience_seconds=1.0)
    database.prepare()
    deps = replace(here.deps, store=StateStore(database, Clock(now)))
    return replace(here, deps=deps)


def plan_of(here: World) -> Plan:
    plan = here.deps.store.batches.latest_plan("topics", "b1")
    assert plan is not None
    return plan


def asked(here: World, seconds: float, done: int) -> None:
    """A sample that the run at work left behind."""
    clock = Clock(BEGAN + seconds)
    Leases(here.deps.store.database, clock).take("topics", "b1", RUN.run_id, "test")
    samples = Paces(here.deps.store.database, clock)
    samples.add(plan_of(here), RUN.run_id, done=done, left=100 - done)


def look(here: World, seconds: float) -> list[str]:
    """What a watcher says who was just started."""
    then = at(here, BEGAN + seconds)
    try:
        return watch({"topics": then.job}, then.deps)
    finally:
        then.deps.store.close()


def said(here: World) -> list[tuple[str, str, str]]:
    """Kind, severity and change of every line of the outbox."""
    path = outbox(here.home)
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [(one["kind"], one["severity"], one["change"]) for one in lines]


def event(here: World) -> dict[str, Any]:
    path = here.home / "data" / "topics" / "results" / "b1" / "_event.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


WARNED = ("sla_at_risk", "warning", "opened")
ESCALATED = ("sla_at_risk", "error", "grew")
MISSED = ("sla_missed", "error", "opened")


def test_the_deadline_is_frozen_at_the_trigger(here: World) -> None:
    plan = plan_of(here)
    assert (plan.triggered_at, plan.deadline_at) == (BEGAN, BEGAN + 1000)


def test_each_of_70_90_and_100_percent_is_said_once_across_restarts(here: World) -> None:
    for second in range(0, 1300, 50):
        asked(here, second, done=second // 50)
        look(here, second)
    assert said(here) == [WARNED, ESCALATED, MISSED]


def test_who_watches_again_says_nothing_again(here: World) -> None:
    asked(here, 0, 0)
    for second in (720, 720, 950, 950, 1001, 1001):
        asked(here, second, 10)
        look(here, second)
    assert said(here) == [WARNED, ESCALATED, MISSED]


def test_a_batch_that_will_be_in_time_is_not_warned_of_before_90_percent(here: World) -> None:
    for second in range(0, 800, 10):
        asked(here, second, done=min(99, second // 8))
    look(here, 790)
    assert said(here) == []


def test_a_batch_that_stands_still_misses_its_deadline(here: World) -> None:
    then = at(here, BEGAN + 10)
    move(then.job, "b1", RUN, then.deps, State.HALTED, "budget", "used up")
    look(here, 690)
    assert said(here) == []
    (line,) = look(here, 701)
    assert said(here) == [WARNED]
    assert "It is halted: budget. When it will be done cannot be told." in line
    assert "`batch-ai status topics b1` says why it does not go on" in line


def test_at_70_percent_the_run_may_have_as_many_calls_as_would_make_it(here: World) -> None:
    for second in range(0, 720, 10):
        asked(here, second, done=second // 12)
    look(here, 715)
    # 59 done, 41 left at one in 12 seconds: 492 of the 285 seconds that are left, times 1.25.
    boost = here.deps.store.boosts.of(plan_of(here))
    assert boost is not None
    assert 4 < boost.concurrency < 12
    assert not boost.urgent


def test_at_90_percent_the_run_gets_all_that_the_job_allows(here: World) -> None:
    asked(here, 0, 0)
    look(here, 901)
    assert here.deps.store.boosts.of(plan_of(here)) == Boost(32, urgent=True)


def test_a_missed_deadline_tells_consumers_what_is_there_and_what_is_not(here: World) -> None:
    for second in range(0, 1010, 10):
        asked(here, second, done=second // 20)
    look(here, 1001)
    found = event(here)
    assert (found["kind"], found["version"], found["usable_now"]) == ("late", 1, None)
    assert found["counts"]["items"] == found["counts"]["pending"] == 100
    assert 800 < found["expected_delay_seconds"] < 1100
    look(here, 1200)
    assert event(here) == found, "it is told once"
    (kept,) = here.deps.store.consumer_events.untold()
    assert kept.body == found


def test_an_approval_puts_the_deadline_off(here: World) -> None:
    asked(here, 0, 0)
    look(here, 950)
    store = at(here, BEGAN + 960).deps.store
    store.approvals.add(plan_of(here), who="ada", why="late input", deadline_at=BEGAN + 5000)
    look(here, 1100)
    assert said(here)[-1] == ("sla_at_risk", "error", "resolved")
    assert here.deps.store.alerts.open() == []
    look(here, 5001)
    assert said(here)[-1] == MISSED


def test_what_was_wrong_is_resolved_when_the_batch_is_complete(here: World) -> None:
    asked(here, 0, 0)
    for second in (750, 950, 1001):
        look(here, second)
    then = at(here, BEGAN + 1100)
    deadline_is_met(then.job, plan_of(then), then.deps)
    assert here.deps.store.alerts.open() == []
    assert (event(here)["kind"], event(here)["delay_seconds"]) == ("arrived", 100.0)


def test_a_deadline_that_was_missed_while_nobody_looked_is_said_at_the_end(here: World) -> None:
    then = at(here, BEGAN + 1100)
    deadline_is_met(then.job, plan_of(then), then.deps)
    assert said(here) == [MISSED, ("sla_missed", "error", "resolved")]
    told = here.deps.store.consumer_events.of("topics", "b1")
    assert [one.kind for one in told] == ["late", "arrived"]


def test_a_run_watches_its_own_deadline(here: World) -> None:
    then = at(here, BEGAN + 750)
    with watched_deadline(then.job, plan_of(then), then.deps):
        stop = time.monotonic() + 20
        while not said(here) and time.monotonic() < stop:
            time.sleep(0.05)
    assert said(here) == [WARNED]


def test_a_batch_that_was_given_up_has_no_deadline_any_more(here: World) -> None:
    asked(here, 0, 0)
    look(here, 750)
    then = at(here, BEGAN + 800)
    move(then.job, "b1", RUN, then.deps, State.CANCELLED)
    look(here, 810)
    assert said(here)[-1] == ("sla_at_risk", "warning", "resolved")
    look(here, 2000)
    assert ("sla_missed", "error", "opened") not in said(here)


def test_status_and_metrics_tell_the_same_time_that_is_left(here: World) -> None:
    for second in range(0, 61, 10):
        asked(here, second, done=second // 2)
    then = at(here, BEGAN + 60)
    [row] = then.deps.store.overview("topics", "b1")
    seen = glance(row, then.deps)
    assert seen.eta_seconds is not None
    told = f'batch_ai_batch_eta_seconds{{job="topics",batch="b1"}} {seen.eta_seconds}'
    assert told in metrics({"topics": then.job}, then.deps).splitlines()
    assert 140 <= seen.eta_seconds < 200, "70 are left, one takes two seconds, and a tail"


def test_a_batch_that_ended_long_ago_is_not_looked_at_again_for_metrics(here: World) -> None:
    move(here.job, "b1", RUN, here.deps, State.CANCELLED)
    store, now = here.deps.store, here.deps.store.clock()
    assert [row.batch for row in store.overview(since=now - 60)] == ["b1"]
    assert store.overview(since=now + 60) == []
    assert store.overview(limit=0) == []
    assert store.overview("topics", "b2") == []
