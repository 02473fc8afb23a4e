"""Money under four processes that die at random instants: what the provider bills is never more
than what is spent and held, and that is never more than the limits."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Run, run_batch
from batch_ai_assets.engine.state.budgets import of_month
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from ..batch.items import named
from ..world import world
from . import nursery

PROCESSES, ITEMS = 4, 150
FAULTS = (
    "", "", "", "", "[[stub:500,ok]]", "[[stub:schema,ok]]", "[[stub:reset,ok]]", "[[stub:400]]",
)  # fmt: skip
TINY = 1e-9


@dataclass(frozen=True)
class Case:
    """Prices (USD per million tokens), limits (USD), documents: all drawn from a seed."""

    price_in: float
    price_out: float
    batch_usd: float
    month_usd: float
    faults: tuple[str, ...]

    @classmethod
    def of(cls, seed: int, faults: tuple[str, ...] = FAULTS) -> Case:
        drawn = random.Random(seed)
        price_in, price_out = drawn.uniform(0.05, 5), drawn.uniform(0.05, 20)
        of_all = ITEMS * (150 * price_in + 15 * price_out) / 1e6
        batch = of_all * drawn.uniform(0.4, 2.0)
        return cls(price_in, price_out, batch, batch * drawn.uniform(1.0, 4.5), faults)

    def spec(self, batch: str, path: Path) -> dict[str, Any]:
        return {
            "input": {"path": str(path / f"{batch}.jsonl")},
            "limits": {"concurrency": 12},
            "retry": {"base_seconds": 0.001, "max_seconds": 0.005, "timeout_seconds": 20.0},
            "early_stop": {"canary_items": 0, "failed": 1.0},
            "budget": {"limit_usd": self.batch_usd, "usd_per_month": self.month_usd},
        }

    def provider(self) -> dict[str, Any]:
        price = {
            "input_usd_per_million": self.price_in, "output_usd_per_million": self.price_out,
        }  # fmt: skip
        return {"models": {"stub": {"price": price}}}

    def billed(self, server: LocalProvider) -> float:
        seen = server.stats(items=False)
        told = seen["prompt_tokens"] * self.price_in + seen["completion_tokens"] * self.price_out
        return told / 1e6


def run_in_process(home: Path, url: str, case: Case, batch: str, run_id: str) -> None:
    with world(home, url, case.spec(batch, home / "inbox"), case.provider()) as here:
        run_batch(here.job, batch, Run(run_id, "test"), here.deps)


def started(home: Path, url: str, case: Case, batch: str, run_id: str) -> BaseProcess:
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload([nursery.__name__])
    process = forked.Process(target=run_in_process, args=(home, url, case, batch, run_id))
    process.start()
    return process


@pytest.fixture(scope="module")
def server() -> Iterator[LocalProvider]:
    with LocalProvider(ServerOptions(model="stub", latency_ms=15)) as one:
        yield one


def check_books(home: Path, url: str, case: Case, server: LocalProvider) -> tuple[float, float]:
    """(billed, spent and held): the rule holds at this instant, for batches and month alike."""
    with world(home, url, case.spec("b0", home / "inbox"), case.provider()) as here:
        billed = case.billed(server)  # before the books: they only grow
        store = here.deps.store
        month = store.budgets.standing(of_month("job", "topics", time.time()))
        known = month.spent_usd + month.held_usd
        of_batches = 0.0
        for number in range(PROCESSES):
            plan = store.batches.latest_plan("topics", f"b{number}")
            if plan is not None:
                stands = store.budgets.version(plan)
                assert stands.spent_usd + stands.held_usd <= case.batch_usd + TINY
                of_batches += stands.spent_usd + stands.held_usd
        assert billed <= known + TINY
        assert known <= case.month_usd + TINY
        assert of_batches == pytest.approx(known, abs=1e-7)
        return billed, known


def prepared(home: Path, case: Case, drawn: random.Random) -> list[str]:
    batches = [f"b{number}" for number in range(PROCESSES)]
    with world(home) as here:
        for batch in batches:
            rows = [named(drawn.choice(case.faults)) for _ in range(ITEMS)]
            here.write_messages(rows, f"{batch}.jsonl")
    return batches


def four_that_die(seed: int, home: Path, server: LocalProvider) -> None:
    """Four batches at once; each is killed some times, then runs to its end or its halt."""
    case, drawn = Case.of(seed), random.Random(seed)
    server.reset_stats()
    batches = prepared(home, case, drawn)
    for life in range(3):
        lives = [
            started(home, server.base_url, case, batch, f"{batch}-{life}") for batch in batches
        ]
        if life < 2:
            for process in lives:
                process.join(drawn.uniform(0.1, 0.9))
                process.kill()
        for process in lives:
            process.join(90.0)
            assert process.exitcode is not None
            process.close()
        check_books(home, server.base_url, case, server)
    with world(home, server.base_url, case.spec("b0", home / "inbox")) as here:
        ended = {here.deps.store.batches.state("topics", batch) for batch in batches}
    assert ended <= {"completed", "completed_with_dead_letters", "halted"}


def test_four_batches_that_are_killed_at_random_never_pass_their_limits(
    server: LocalProvider, tmp_path: Path
) -> None:
    four_that_die(20261129, tmp_path, server)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(8))
def test_four_batches_that_are_killed_at_random_never_pass_their_limits_whatever_the_plan(
    seed: int, server: LocalProvider, tmp_path: Path
) -> None:
    four_that_die(seed, tmp_path, server)


def test_without_a_death_all_that_is_spent_was_billed(
    server: LocalProvider, tmp_path: Path
) -> None:
    case = Case.of(7, faults=tuple(fault for fault in FAULTS if "reset" not in fault))
    server.reset_stats()
    batches = prepared(tmp_path, case, random.Random(7))
    lives = [started(tmp_path, server.base_url, case, batch, batch) for batch in batches]
    for process in lives:
        process.join(90.0)
        assert process.exitcode == 0
    billed, known = check_books(tmp_path, server.base_url, case, server)
    assert known == pytest.approx(billed, rel=1e-9)
