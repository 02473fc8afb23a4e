"""The documented example for a hosted model: it loads as it stands, and runs on the stub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from batch_ai_assets.engine.batch import Outcome, Run, run_batch
from batch_ai_assets.engine.spec.registry import load_job
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..conftest import REPOSITORY
from ..engine.world import World, stub, world

EXAMPLE = REPOSITORY / "docs" / "examples" / "contract_classification"
DAY = "2026-01-15"
CLAUSE = "The supplier delivers the goods that the buyer orders within thirty days. "
CONTRACTS = {
    "short.txt": CLAUSE * 3,
    "usual.txt": CLAUSE * 400,
    "long one.txt": CLAUSE * 1700,
    "over/the edge.txt": CLAUSE * 3000,
}


@pytest.fixture(scope="module")
def job() -> ResolvedJob:
    return load_job(EXAMPLE)


@pytest.fixture
def model() -> Iterator[LocalProvider]:
    with stub(context_tokens=30_000) as server:
        yield server


@contextmanager
def dry(folder: Path, model: LocalProvider) -> Iterator[tuple[World, ResolvedJob]]:
    """The example in a registry of one's own, its `model` alone changed to a stub."""
    registry = folder / "registry"
    copy = shutil.copytree(EXAMPLE, registry / EXAMPLE.name)
    spec = yaml.safe_load((copy / "job.yaml").read_text())
    spec["model"] |= {"provider": "near", "name": "stub"}
    (copy / "job.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    offer = {"price": {"input_usd_per_million": 1, "output_usd_per_million": 2}}
    near = {
        "base_url": model.base_url,
        "approved_classes": ["internal"],
        "models": {"stub": {**offer, "context_tokens": 30_000}},
    }
    (registry / "providers.yaml").write_text(yaml.safe_dump({"near": near}))
    with world(folder / "home", model.base_url) as here:
        yield here, load_job(copy)


def deliver(here: World, *, complete: bool = True) -> None:
    folder = here.home / "contracts" / DAY
    for name, text in CONTRACTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"[[id:{name}]] {text}")
    if complete:
        for place in (folder, folder / "over"):
            (place / "_SUCCESS").touch()


def run(here: World, job: ResolvedJob) -> Outcome:
    return run_batch(job, DAY, Run("run-1", "test"), here.deps)


def test_it_loads_as_it_stands_on_the_bundled_entry_of_a_paid_provider(job: ResolvedJob) -> None:
    assert (job.spec.model.provider, job.provider.kind) == ("openai", "openai")
    assert job.spec.budget.limit_usd
    assert job.spec.sla
    assert job.spec.over_length == "truncate"
    long = job.for_group("long")
    assert long.prompt_text != job.prompt_text
    assert long.spec.limits.concurrency < job.spec.limits.concurrency


def test_contracts_are_asked_by_group_and_what_is_too_long_by_its_beginning(
    tmp_path: Path, model: LocalProvider
) -> None:
    with dry(tmp_path, model) as (here, job):
        deliver(here)
        outcome = run(here, job)

        assert outcome.record is not None
        groups = {group.group: group for group in outcome.record.groups}
        asked = {name: group.to_ask for name, group in groups.items()}
        assert asked == {"short": 1, "rest": 1, "long": 2}
        assert {name: group.truncated for name, group in groups.items() if group.truncated} == {
            "long": 1
        }
        assert set(model.stats()["items"]) == set(CONTRACTS)
        counts = here.deps.store.figures(job.name, DAY).conservation
        assert counts.items == len(CONTRACTS) == counts.valid + counts.review + counts.dead


def test_a_folder_without_its_mark_is_left_alone(tmp_path: Path, model: LocalProvider) -> None:
    with dry(tmp_path, model) as (here, job):
        deliver(here, complete=False)
        outcome = run(here, job)

        assert outcome.record is not None
        assert outcome.record.conservation.items == 0
        assert model.stats()["calls"] == 0


def test_a_delivery_that_cannot_be_read_stops_before_the_first_call(
    tmp_path: Path, model: LocalProvider
) -> None:
    with dry(tmp_path, model) as (here, job):
        deliver(here)
        (here.home / "contracts" / DAY / "broken.txt").write_bytes(bytes(range(256)) * 20)
        outcome = run(here, job)
        assert outcome.state is State.HALTED
        assert "1 of 5 documents cannot be read as text" in outcome.message
        assert "broken.txt" in outcome.message
        assert model.stats()["calls"] == 0


def test_every_file_that_its_page_speaks_of_is_there_and_no_other() -> None:
    page = (EXAMPLE / "README.md").read_text()
    job = yaml.safe_load((EXAMPLE / "job.yaml").read_text())
    own = {group["prompt"]["file"] for group in job["groups"] if "prompt" in group}
    assert {path.name for path in EXAMPLE.iterdir()} == {
        "README.md",
        "job.yaml",
        job["prompt"]["file"],
        *own,
    }
    assert "prompt_long.md" in page
