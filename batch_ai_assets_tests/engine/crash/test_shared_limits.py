"""Real processes on one provider key: together they keep to its limits, and use them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.asking import ask
from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import message, stub, world

RPM, TPM = 9_000, 450_000
"""150 requests a second; or 7,500 tokens, which is about as many."""
BUSY = 0.85
"""The share of the rate that is used on a machine that is busy elsewhere; the bar of 0.99 is
measured by `benchmarks/bench_limits.py`."""


def batch(
    home: Path, url: str, number: int, items: int, limits: Mapping[str, int], planned: Barrier
) -> None:
    """In a process of its own: one job's batch, asked when all batches are planned."""
    name = f"job{number}"
    spec = {
        "job": name,
        "input": {"path": f"{{home}}/inbox/{name}.jsonl", "format": "jsonl"},
        "limits": {"concurrency": 32},
        "early_stop": {"canary_items": 0},
    }
    with world(home, url, spec, {"limits": limits}) as here:
        ids = range(number * 10_000, number * 10_000 + items)
        here.write_messages((message(one) for one in ids), f"{name}.jsonl")
        run = Run(name, "test")
        raw = read_inputs(here.job, "b1", run, here.deps)
        plan_work(here.job, "b1", run, here.deps, raw)
        plan = here.deps.store.batches.latest_plan(name, "b1")
        assert plan is not None
        planned.wait(60)
        ask(here.job, plan, raw, run, here.deps)
        figures = here.deps.store.figures(name, "b1")
        assert (figures.answered, figures.retries, figures.conservation.dead) == (items, 0, 0)


@contextmanager
def batches(
    home: Path, url: str, items: tuple[int, ...], limits: Mapping[str, int]
) -> Iterator[list[BaseProcess]]:
    """Batches that run at once, on one state store; gone after the block."""
    nursery = multiprocessing.get_context("forkserver")
    nursery.set_forkserver_preload([f"{__package__}.nursery"])
    planned = nursery.Barrier(len(items))
    running: list[BaseProcess] = [
        nursery.Process(target=batch, args=(home, url, number, many, limits, planned))
        for number, many in enumerate(items)
    ]
    for one in running:
        one.start()
    try:
        yield running
    finally:
        for one in running:
            one.kill()
            one.join()


def share_used(before: Mapping[str, Any], after: Mapping[str, Any], per_minute: int) -> float:
    """Of the requests that the rate allows between two looks at the server."""
    seconds = after["last_call_at"] - before["last_call_at"]
    return float((after["calls"] - before["calls"]) / (seconds * per_minute / 60.0))


def wait_for(server: LocalProvider, answers: int) -> dict[str, Any]:
    deadline = time.monotonic() + 120.0
    while (stats := server.stats(items=False))["answers"] < answers:
        assert time.monotonic() < deadline, f"only {stats['answers']} answers"
        time.sleep(0.02)
    return stats


@pytest.mark.parametrize("items", [(200, 200, 200, 200), (400, 180, 90, 45)])
def test_four_batches_at_once_use_one_request_rate_and_are_never_turned_away(
    items: tuple[int, ...], tmp_path: Path
) -> None:
    limits = {"requests_per_minute": RPM}
    with (
        stub(rpm=RPM, latency_ms=50) as server,
        batches(tmp_path, server.base_url, items, limits) as running,
    ):
        before, after = wait_for(server, 100), wait_for(server, 550)
        for one in running:
            one.join(60)
        stats = server.stats()
    assert [one.exitcode for one in running] == [0, 0, 0, 0]
    assert (stats["throttled"], stats["calls"]) == (0, sum(items))
    assert BUSY <= share_used(before, after, RPM) <= 1.05


def test_four_batches_at_once_keep_to_one_token_rate(tmp_path: Path) -> None:
    limits = {"tokens_per_minute": TPM}
    with (
        stub(tpm=TPM, latency_ms=50) as server,
        batches(tmp_path, server.base_url, (150,) * 4, limits) as running,
    ):
        before, after = wait_for(server, 100), wait_for(server, 500)
        for one in running:
            one.join(60)
        stats = server.stats()
    assert [one.exitcode for one in running] == [0, 0, 0, 0]
    assert stats["throttled"] == 0
    seconds = after["last_call_at"] - before["last_call_at"]
    used = (after["cost_tokens"] - before["cost_tokens"]) / (seconds * TPM / 60.0)
    assert BUSY <= used <= 1.1


def test_limits_declared_too_high_lose_nothing(tmp_path: Path) -> None:
    limits = {"requests_per_minute": int(1.2 * RPM)}
    with (
        stub(rpm=RPM, latency_ms=50, burst_seconds=0.5) as server,
        batches(tmp_path, server.base_url, (200,) * 4, limits) as running,
    ):
        for one in running:
            one.join(60)
        stats = server.stats()
    assert [one.exitcode for one in running] == [0, 0, 0, 0]  # and every item at its first attempt
    assert stats["answers"] == 800
    assert stats["answered_more_than_once"] == 0


def test_a_killed_process_takes_no_slots_with_it(tmp_path: Path) -> None:
    limits = {"requests_per_minute": RPM}
    with (
        stub(rpm=RPM, latency_ms=50) as server,
        batches(tmp_path, server.base_url, (3_000,) * 3, limits) as running,
    ):
        wait_for(server, 300)
        assert running[0].pid is not None
        os.kill(running[0].pid, signal.SIGKILL)
        before = server.stats(items=False)
        time.sleep(2.5)
        after = server.stats(items=False)
        assert after["throttled"] == 0
        assert share_used(before, after, RPM) >= BUSY
