"""Two batches that meet over the same documents: each is asked about once, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Mode, Outcome, Run, run_batch
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.state.life_cycle import State

from ..world import World, make_job, stub, world
from .items import messages, plain

SLOW: dict[str, Any] = {"limits": {"concurrency": 16}}


def started(here: World, batch: str, mode: Mode = Mode.RESUME, **spec: Any) -> Outcome:
    job = make_job(here.home, {**SLOW, **spec})
    return run_batch(job, batch, Run(f"run-{batch}", "test", mode), here.deps)


@pytest.mark.parametrize("together", [1, 10])
def test_two_batches_at_once_ask_about_every_document_once(together: int, tmp_path: Path) -> None:
    prompt = {"prompt": {"version": "1", "items_per_request": together}}
    with (
        stub(latency_ms=30) as server,
        world(tmp_path, server.base_url) as one,
        world(tmp_path, server.base_url) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        one.write_messages(plain(700))
        runs = [
            pool.submit(started, here, batch, **prompt)
            for here, batch in ((one, "b1"), (other, "b2"))
        ]
        assert {run.result().state for run in runs} == {State.COMPLETED}
        stats = server.stats()
        assert len(stats["items"]) == 700
        assert {item["calls"] for item in stats["items"].values()} == {1}
        for batch in ("b1", "b2"):
            assert one.counts(batch).valid == 700
            assert fsck("topics", batch, one.deps) == []
        (served,) = {one.deps.store.figures("topics", b).from_store for b in ("b1", "b2")} - {0}
        assert served > 0
        assert one.deps.store.askers.pending([1, 2]).size == 0


def test_what_the_first_one_fails_at_is_asked_by_the_second(tmp_path: Path) -> None:
    """A dead letter of one batch is no answer for another."""
    with (
        stub(latency_ms=30) as server,
        world(tmp_path, server.base_url) as one,
        world(tmp_path, server.base_url) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        rows = messages(*[""] * 200, *["[[stub:400,ok]]"] * 10)
        one.write_messages(rows)
        first = pool.submit(started, one, "b1", early_stop={"canary_items": 0})
        wait_for_calls(server)
        second = pool.submit(started, other, "b2", early_stop={"canary_items": 0})
        assert first.result().state is State.COMPLETED_WITH_DEAD_LETTERS
        assert second.result().state is State.COMPLETED
        calls = [item["calls"] for item in server.stats()["items"].values()]
        assert sorted(calls) == [1] * 200 + [2] * 10


def test_asked_afresh_a_batch_waits_for_nobody(tmp_path: Path) -> None:
    with (
        stub(latency_ms=30) as server,
        world(tmp_path, server.base_url) as one,
        world(tmp_path, server.base_url) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        one.write_messages(plain(200))
        first = pool.submit(started, one, "b1")
        wait_for_calls(server)
        second = pool.submit(started, other, "b2", Mode.FRESH)
        assert first.result().state is second.result().state is State.COMPLETED
        assert {item["calls"] for item in server.stats()["items"].values()} == {2}


VICTIM = """
import sys
from pathlib import Path
from batch_ai_assets.engine.batch import Run, run_batch
from batch_ai_assets_tests.engine.world import world
home, url = sys.argv[1:]
with world(Path(home), url) as here:
    run_batch(here.job, "b1", Run("first", "test"), here.deps)
"""


@pytest.mark.drill
def test_the_second_goes_on_by_itself_where_the_first_was_killed(tmp_path: Path) -> None:
    with stub(latency_ms=100) as server, world(tmp_path, server.base_url) as here:
        here.write_messages(plain(600))
        first = subprocess.Popen([sys.executable, "-c", VICTIM, str(tmp_path), server.base_url])
        try:
            wait_for_calls(server, 60)
            with ThreadPoolExecutor(1) as pool:
                second = pool.submit(started, here, "b2")
                time.sleep(0.5)
                before = server.stats()["calls"]
                os.kill(first.pid, signal.SIGKILL)
                first.wait()
                ended = second.result(60)
                assert ended.state is State.COMPLETED, ended.message
        finally:
            if first.poll() is None:
                first.kill()
                first.wait()
        items = server.stats()["items"]
        assert before < 600
        assert here.counts("b2").valid == 600
        twice = sum(item["calls"] > 1 for item in items.values())
        assert twice <= 16 + 16 / 0.1 * 0.2, "in flight, and what one commit interval answers"


def wait_for_calls(server: Any, calls: int = 1) -> None:
    for _ in range(600):
        if server.stats()["calls"] >= calls:
            return
        time.sleep(0.05)
    raise AssertionError("nothing was asked for half a minute")
