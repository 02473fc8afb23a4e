"""Two runs of one batch: the living holds it, the dead loses it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import time
from contextlib import closing

import pytest

from batch_ai_assets.engine.batch import Run, run_batch
from batch_ai_assets.engine.errors import LeaseHeldError
from batch_ai_assets.engine.state.leases import LIFETIME_SECONDS

from .conftest import StageScene
from .documents import plain
from .scene import BATCH, Scene
from .test_signals import wait_for_calls
from .victim import Victim, victim


def run_in_turn(scene: Scene, run_id: str) -> None:
    """Run the batch here, waiting for its lease as every run does."""
    with scene.open() as here:
        outcome = run_batch(here.job, BATCH, Run(run_id, "second"), here.deps)
    assert outcome.state.finished, outcome.message


@pytest.mark.drill
def test_the_second_run_of_a_batch_says_who_holds_it_and_asks_nothing(stage: StageScene) -> None:
    patient = plain("held", 0, f"[[stub:slow({LIFETIME_SECONDS + 5})]]")
    scene = stage([patient, *(plain("held", number) for number in range(1, 40))])
    with victim(scene.order("run-of-the-first")) as one:
        wait_for_calls(scene, 0)
        with pytest.raises(LeaseHeldError) as held:
            run_in_turn(scene, "run-2")
        for name in ("run-of-the-first", socket.gethostname(), f"pid {one.pid}"):
            assert name in str(held.value)
        assert str(os.getpid()) not in str(held.value)
        assert one.wait() == 0
        assert one.said()["state"] == "completed"
    scene.check_sound()
    scene.check_every_item_ended_once()
    assert scene.paid_twice() == 0


def test_a_batch_whose_run_was_killed_on_this_machine_is_free_at_once(stage: StageScene) -> None:
    scene = stage([plain("at-once", number) for number in range(60)])
    scene.kill_at("after_send:30")
    run_in_turn(scene, "run-2")
    assert time.monotonic() - scene.died_at < LIFETIME_SECONDS - 6.0
    scene.check_sound()
    scene.check_every_item_ended_once()
    assert scene.paid_twice() <= scene.at_risk()


@pytest.mark.drill
def test_a_batch_whose_run_was_killed_elsewhere_is_free_when_the_lease_runs_out(
    stage: StageScene,
) -> None:
    scene = stage([plain("expiry", number) for number in range(60)])
    scene.kill_at("after_send:30")
    with closing(sqlite3.connect(scene.home / "state" / "state.sqlite")) as connection:
        connection.execute("UPDATE leases SET process = 'another machine'")
        connection.commit()
    run_in_turn(scene, "run-2")
    waited = time.monotonic() - scene.died_at
    assert waited >= LIFETIME_SECONDS - 6.0, "the lease of a living run would have been taken"
    scene.check_sound()
    scene.check_every_item_ended_once()
    assert scene.paid_twice() <= scene.at_risk()


def freeze(scene: Scene, one: Victim) -> None:
    """Stop the process where it does not hold the state store's write lock."""
    store = scene.home / "state" / "state.sqlite"
    for _ in range(100):
        one.send(signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(store, timeout=0.1)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
            return
        except sqlite3.OperationalError:
            one.send(signal.SIGCONT)
            time.sleep(0.01)
    raise AssertionError("the victim never let go of the state store")


@pytest.mark.drill
def test_a_run_that_was_frozen_until_its_lease_ran_out_stops_when_it_wakes(
    stage: StageScene,
) -> None:
    scene = stage([plain("frozen", number) for number in range(600)])
    with victim(scene.order()) as one:
        wait_for_calls(scene, 40)
        freeze(scene, one)
        run_in_turn(scene, "run-2")
        released = scene.released()
        one.send(signal.SIGCONT)
        one.wait()
        ending = one.said()
    assert ending["state"] == "held"
    assert "run-2" in ending["message"]
    scene.check_sound()
    assert scene.released() == released
    scene.check_every_item_ended_once()
    print(f"paid twice {scene.paid_twice()}")
    # Twice (frozen, awake) what is in flight and a quarter of a second of commits.
    assert scene.paid_twice() <= 2 * (scene.most_in_flight + scene.rate * 0.25)
