"""SIGTERM and SIGINT while items are asked: the run drains, and nothing is paid twice."""

from __future__ import annotations

import random
import signal
import sqlite3
import time

import pytest

from batch_ai_assets.engine.batch import Run, run_batch

from .conftest import StageScene
from .documents import Document, plain
from .scene import BATCH, FEW, LATENCY_SECONDS, Scene
from .victim import victim

INSTANTS = 20
EVERY = 4
"""One of so many is in the fast tests; the others are in the drills."""
instants = [
    pytest.param(number, marks=() if number % EVERY == 0 else pytest.mark.drill)
    for number in range(INSTANTS)
]
_RANDOM = random.Random(20261123)
AFTER_CALLS = [int((number + _RANDOM.random()) / INSTANTS * 200) for number in range(INSTANTS)]
SLOW_SECONDS = 0.4
_SLOW = (20, 80, 140, 200, FEW - 1)


def unhurried(name: str) -> list[Document]:
    """Documents of which some take long, so that there is always something to wait for."""
    marker = dict.fromkeys(_SLOW, f"[[stub:slow({SLOW_SECONDS})]]")
    return [plain(name, number, marker.get(number, "")) for number in range(FEW)]


def wait_for_calls(scene: Scene, least: int) -> None:
    """Until the provider has seen more than `least` calls."""
    deadline = time.monotonic() + 60.0
    while scene.provider.stats(items=False)["calls"] <= least:
        assert time.monotonic() < deadline, f"no {least} calls in a minute"
        time.sleep(LATENCY_SECONDS)


def resume_at_once(scene: Scene) -> None:
    """A drained run has given its lease back: nobody has to wait for it."""
    with scene.open() as here:
        assert here.deps.store.leases.holder(here.job.name, BATCH) is None
        outcome = run_batch(here.job, BATCH, Run("run-2", "survivor"), here.deps)
    assert outcome.state.finished, outcome.message


def rows(scene: Scene, query: str) -> list[tuple[object, ...]]:
    """Rows of the state store, past our own code."""
    with sqlite3.connect(scene.home / "state" / "state.sqlite") as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("instant", instants)
def test_nothing_that_answers_within_the_grace_is_paid_twice(
    stage: StageScene, instant: int
) -> None:
    number = signal.SIGINT if instant % 4 == 3 else signal.SIGTERM
    scene = stage(unhurried(f"signal-{instant}"))
    with victim(scene.order()) as one:
        wait_for_calls(scene, AFTER_CALLS[instant])
        one.send(number)
        assert one.wait() == 0
        assert one.said()["state"] == "interrupted"
    seen = scene.provider.stats()
    assert seen["answers"] == seen["calls"] < FEW
    assert rows(scene, "SELECT count(*) FROM answers") == [(seen["answers"],)]
    scene.check_sound()
    resume_at_once(scene)
    scene.check_sound()
    scene.check_every_item_ended_once()
    stats = scene.provider.stats()["items"]
    assert {(one["calls"], one["answers"]) for one in stats.values()} == {(1, 1)}
    assert len(stats) == FEW
    print(f"{number.name} after {seen['calls']} calls: every item was asked and answered once")


def test_a_call_cut_off_at_the_end_of_the_grace_is_written_off_and_made_again(
    stage: StageScene,
) -> None:
    # The sixth is a long one: its group comes last.
    hanging = plain("hang", 6, "[[stub:hang,ok]]", calls=2)
    scene = stage([*(plain("hang", number) for number in range(5)), hanging])
    with victim(scene.order(grace_seconds=0.5)) as one:
        wait_for_calls(scene, 5)
        time.sleep(0.5)  # the five others have their answers
        one.send(signal.SIGTERM)
        told = time.monotonic()
        assert one.wait() == 0
        assert 0.5 <= time.monotonic() - told < 25.0
        assert one.said()["state"] == "interrupted"
    ledger = "SELECT kind, cost_usd > 0 FROM ledger JOIN items USING (plan_id, seq) WHERE item_id "
    assert rows(scene, f"{ledger} = '{hanging.item_id}'") == [("written_off", 1)]
    assert set(rows(scene, f"{ledger} != '{hanging.item_id}'")) == {("settled", 1)}
    scene.check_sound()
    resume_at_once(scene)
    scene.check_every_item_ended_once()
    assert scene.paid_twice() == 0
    assert rows(scene, f"{ledger} = '{hanging.item_id}' ORDER BY attempt") == [
        ("written_off", 1),
        ("settled", 1),
    ]


def test_a_second_signal_during_the_drain_changes_nothing(stage: StageScene) -> None:
    slow = dict.fromkeys(range(8), "[[stub:slow(1.0)]]")
    scene = stage([plain("twice", number, slow.get(number, "")) for number in range(40)])
    with victim(scene.order()) as one:
        wait_for_calls(scene, 4)
        one.send(signal.SIGTERM)
        time.sleep(0.2)
        one.send(signal.SIGINT)
        assert one.wait() == 0
        assert one.said()["state"] == "interrupted"
    resume_at_once(scene)
    scene.check_every_item_ended_once()
    assert scene.paid_twice() == 0
