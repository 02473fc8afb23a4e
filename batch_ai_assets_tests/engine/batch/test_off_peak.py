"""Off-peak hours: no call is made outside them, and what was begun goes on in the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.control.resuming import goes_on
from batch_ai_assets.engine.standstills import standstills
from batch_ai_assets.engine.state.boosts import Boost
from batch_ai_assets.engine.state.database import Database
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from ..state.conftest import Clock
from ..world import World, message, world

NIGHT = {
    "batches": {"off_peak": {"from": "22:00", "until": "06:00"}, "timezone": "Europe/Paris"},
}
NOON, EVENING, MORNING = (
    datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    for text in ("2026-10-24 10:00", "2026-10-24 20:00", "2026-10-25 05:00")
)
"""22:00 in Paris is 20:00 UTC; 06:00 the next morning, after the change, 05:00 UTC."""


@contextmanager
def clocked(home: Path, base_url: str, now: float, **spec: Any) -> Iterator[tuple[World, Clock]]:
    """A world whose time the test moves."""
    with world(home, base_url, {**NIGHT, **spec}) as made:
        clock = Clock(now)
        store = StateStore(Database(f"sqlite:///{home}/state/state.sqlite", 5.0), clock)
        made.write_messages(message(number) for number in range(300))
        yield replace(made, deps=replace(made.deps, store=store)), clock
        store.close()


@pytest.fixture(scope="module")
def server() -> Iterator[LocalProvider]:
    with LocalProvider(ServerOptions(model="stub", latency_ms=30)) as made:
        yield made


def why_it_goes_on(here: World, clock: Clock) -> str:
    (one,) = standstills({"topics": here.job}, here.deps).values()
    return goes_on(one, clock.now)


def test_a_batch_waits_for_its_hours_pauses_at_their_end_and_goes_on_in_the_next(
    tmp_path: Path, server: LocalProvider
) -> None:
    before = server.stats()["calls"]
    slow = {"concurrency": 4}
    with clocked(tmp_path, server.base_url, NOON, limits=slow) as (here, clock):
        outcome = here.run()
        assert outcome.state is State.WAITING
        assert "which begin 2026-10-24 20:00 UTC; it goes on by itself then" in outcome.message
        assert server.stats()["calls"] == before
        assert why_it_goes_on(here, clock) == ""

        clock.now = EVENING
        assert why_it_goes_on(here, clock) == "its hours have begun"
        night = threading.Thread(target=_morning_comes, args=(here, clock))
        night.start()
        assert here.run().state is State.WAITING
        night.join()
        left = here.deps.store.items.left_to_do(_plan(here))
        assert 0 < left < 300
        assert server.stats()["calls"] - before == 300 - left

        clock.now = EVENING + 86_400
        assert why_it_goes_on(here, clock) == ""  # 22:00 is an hour later by UTC now
        clock.now += 3600
        assert why_it_goes_on(here, clock) == "its hours have begun"
        assert here.run().state is State.COMPLETED
        assert server.stats()["calls"] - before == 300


def test_an_urgent_batch_does_not_wait(tmp_path: Path, server: LocalProvider) -> None:
    with clocked(tmp_path, server.base_url, NOON) as (here, _):
        assert here.run().state is State.WAITING
        spec = here.job.spec.model_copy(update={"priority": "urgent"})
        urgent = here.job.model_copy(update={"spec": spec})
        assert here.run(job=urgent).state is State.COMPLETED


@pytest.mark.parametrize(("within", "state"), [("9h", State.COMPLETED), ("2d", State.WAITING)])
def test_a_batch_that_would_miss_its_deadline_does_not_wait(
    tmp_path: Path, server: LocalProvider, within: str, state: State
) -> None:
    with clocked(tmp_path, server.base_url, NOON, sla={"within": within}) as (here, _):
        assert here.run().state is state, "the hours begin in ten hours"


def test_a_batch_that_has_nothing_to_ask_does_not_wait(
    tmp_path: Path, server: LocalProvider
) -> None:
    with clocked(tmp_path, server.base_url, EVENING) as (here, clock):
        assert here.run("b1").state is State.COMPLETED
        clock.now = NOON + 86_400
        assert here.run("b2").state is State.COMPLETED
        assert here.counts("b2").skipped == 300


def test_a_run_at_work_is_hurried_within_a_second(tmp_path: Path, server: LocalProvider) -> None:
    limits = {"concurrency": 1, "most_concurrency": 8}
    with world(tmp_path, server.base_url, {"limits": limits}) as here:
        here.write_messages(message(number) for number in range(400))
        watcher = threading.Thread(target=_hurry, args=(here,))
        watcher.start()
        record = here.run("b4").record
        watcher.join()
        samples = here.deps.store.paces.of(_plan(here, "b4"))
    assert record is not None
    assert record.asking_seconds < 400 * 0.03, "one after the other takes no less"
    assert (samples[0].done, samples[-1].done, samples[-1].left) == (0, 400, 0)


def _plan(here: World, batch: str = "b1") -> Any:
    return here.deps.store.batches.latest_plan("topics", batch)


def _morning_comes(here: World, clock: Clock) -> None:
    while here.deps.store.figures("topics", "b1").answered < 10:
        time.sleep(0.02)
    clock.now = MORNING


def _hurry(here: World) -> None:
    while here.deps.store.figures("topics", "b4").answered < 3:
        time.sleep(0.02)
    here.deps.store.boosts.raise_to(_plan(here, "b4"), Boost(100))
