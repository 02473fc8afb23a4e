"""Real contracts, from 645 bytes to 338 KB, through the engine: even shards, and none too long."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import run_batch
from batch_ai_assets.engine.deps import Run
from batch_ai_assets.engine.reporting.completion import CompletionRecord
from batch_ai_assets.engine.reporting.markdown import render_markdown
from batch_ai_assets.engine.state.rows import ShardRow
from batch_ai_assets.local_provider.process import LocalProvider

from ..engine.world import World, stub, world

CONTRACTS = 129
CONTEXT = 16_000
"""Tokens: less than about every fourth contract has."""
ROOMY = 128_000


@pytest.fixture(scope="module")
def model() -> Iterator[LocalProvider]:
    with stub() as server:
        yield server


@dataclass(frozen=True)
class Done:
    """All contracts, run in twelve shards."""

    here: World
    record: CompletionRecord
    shards: list[ShardRow]

    @property
    def largest_to_mean(self) -> float:
        tokens = [shard.tokens_in for shard in self.shards]
        return max(tokens) * len(tokens) / sum(tokens)


@contextmanager
def contracts(
    data: Path, home: Path, model: LocalProvider, context: int, **spec: Any
) -> Iterator[Done]:
    shutil.copytree(data / "cuad_contracts" / "txt", home / "contracts")
    job = {"input": {"path": "{home}/contracts", "format": "text"}, **spec}
    offer = {"models": {"stub": {"context_tokens": context}}}
    with world(home, model.base_url, job, offer) as here:
        outcome = run_batch(here.job, "all", Run("run-1", "test", shards=12), here.deps)
        plan = here.deps.store.batches.latest_plan(here.job.name, "all")
        assert outcome.record is not None
        assert plan is not None
        yield Done(here, outcome.record, here.deps.store.shards.of(plan))


def test_twelve_shards_of_129_contracts_differ_by_a_twentieth_at_most(
    real_data: Path, tmp_path: Path, model: LocalProvider
) -> None:
    with contracts(real_data, tmp_path, model, ROOMY) as done:
        assert len(done.shards) == 12
        assert sum(shard.to_ask for shard in done.shards) == CONTRACTS
        assert done.largest_to_mean <= 1.05
        (group,) = done.record.groups
        assert group.largest_shard == pytest.approx(done.largest_to_mean, abs=0.01)
        counts = done.here.counts("all")
        assert (counts.items, counts.valid, counts.dead) == (CONTRACTS, CONTRACTS, 0)


def test_contracts_that_are_too_long_wait_as_dead_letters_and_the_report_counts_them(
    real_data: Path, tmp_path: Path, model: LocalProvider
) -> None:
    model.reset_stats()
    with contracts(real_data, tmp_path, model, CONTEXT) as done:
        dead = done.here.dead("all")
        assert set(dead.values()) == {"too_long"}
        assert done.record.dead_by_reason == {"too_long": len(dead)}
        assert CONTRACTS / 10 < len(dead) < CONTRACTS / 2
        assert done.here.counts("all").valid == CONTRACTS - len(dead)
        assert model.stats()["distinct_items"] == CONTRACTS - len(dead)
        assert done.largest_to_mean <= 1.05


def test_contracts_that_are_cut_are_answered_and_each_is_marked(
    real_data: Path, tmp_path: Path, model: LocalProvider
) -> None:
    with contracts(real_data, tmp_path, model, CONTEXT, over_length="truncate") as done:
        rows = done.here.results("all")
        cut = {row["item_id"] for row in rows if "input_truncated" in row["flags"]}
        sizes = {path.name: path.stat().st_size for path in (tmp_path / "contracts").iterdir()}
        assert len(rows) == CONTRACTS
        assert done.record.truncated == len(cut) > CONTRACTS / 10
        assert min(sizes[name] for name in cut) > 2 * CONTEXT
        assert max(sizes, key=lambda name: sizes[name]) in cut
        assert f"{len(cut)} documents" in render_markdown(done.record)
        assert done.largest_to_mean <= 1.05
