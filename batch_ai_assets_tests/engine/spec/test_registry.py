"""A registry folder is loaded whole, and what is broken in it stays on its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec.providers_file import BUNDLED_REGISTRY
from batch_ai_assets.engine.spec.registry import load_job, load_registry

from .job_folders import REMOVE, changed, write_job


def test_a_sound_job_is_loaded_with_its_provider_prompt_and_examples(tmp_path: Path) -> None:
    folder = write_job(tmp_path)
    job = load_registry(tmp_path).job("tickets")
    assert job == load_job(folder)
    assert job.provider.kind == "local"
    assert job.prompt_text == "Sort the ticket."
    assert [example.output["topic"] for example in job.examples] == ["bug"]
    assert job.folder == str(folder)


def test_one_broken_job_takes_no_other_down(tmp_path: Path) -> None:
    write_job(tmp_path)
    write_job(tmp_path, "job: [", name="unreadable")
    write_job(tmp_path, changed(("owner", REMOVE)), name="ownerless")
    registry = load_registry(tmp_path)
    assert set(registry.jobs) == {"tickets"}
    assert [broken.name for broken in registry.broken] == ["ownerless", "unreadable"]
    assert registry.broken[0].path == str(tmp_path / "ownerless" / "job.yaml")
    assert "owner: is missing" in registry.broken[0].message


def test_the_bundled_registry_is_sound() -> None:
    registry = load_registry(BUNDLED_REGISTRY)
    assert not registry.broken
    assert set(registry.providers) >= {"local", "openai"}


def test_a_residency_holds_its_regions_and_a_local_server_satisfies_all(tmp_path: Path) -> None:
    write_job(tmp_path, changed(("residency", "eu")))
    (tmp_path / "providers.yaml").write_text(
        "far: {base_url: https://x.example.com/v1, region: eu-west-1, approved_classes: [internal],"
        " models: {m: {price: free, context_tokens: 900}}}\n"
    )
    job = changed(
        ("job", "remote"), ("residency", "EU"), ("model", {"provider": "far", "name": "m"})
    )
    write_job(tmp_path, job, name="remote")
    assert set(load_registry(tmp_path).jobs) == {"remote", "tickets"}


def test_a_daily_job_may_read_a_dated_path(tmp_path: Path) -> None:
    batches = {"cadence": "daily", "window": "path", "timezone": "Europe/Paris"}
    write_job(tmp_path, changed(("batches", batches), ("input.path", "{home}/inbox/{date}")))
    assert not load_registry(tmp_path).broken


def test_other_folders_and_hidden_ones_are_not_jobs(tmp_path: Path) -> None:
    write_job(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.yaml").touch()
    (tmp_path / ".git" / "x").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()
    registry = load_registry(tmp_path)
    assert (set(registry.jobs), registry.broken) == ({"tickets"}, ())


def test_a_misnamed_job_file_is_said_rather_than_overlooked(tmp_path: Path) -> None:
    folder = write_job(tmp_path)
    (folder / "job.yaml").rename(folder / "job.yml")
    (broken,) = load_registry(tmp_path).broken
    assert "Rename job.yml to job.yaml" in broken.message


def test_a_registry_that_is_not_there_is_named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nowhere cannot be read.*BATCH_AI_REGISTRY"):
        load_registry(tmp_path / "nowhere")


def test_asking_for_an_unknown_job_suggests_a_known_one(tmp_path: Path) -> None:
    write_job(tmp_path)
    with pytest.raises(SpecError, match=r"no job 'tikets'.*Did you mean 'tickets'\?"):
        load_registry(tmp_path).job("tikets")


def test_asking_for_a_broken_job_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    write_job(tmp_path, changed(("owner", REMOVE)))
    with pytest.raises(SpecError, match=r"'tickets' is broken:\n.*owner: is missing"):
        load_registry(tmp_path).job("tickets")


def test_loading_a_registry_imports_nothing_heavy(tmp_path: Path) -> None:
    write_job(tmp_path)
    code = (
        "import sys; from pathlib import Path;"
        "from batch_ai_assets.engine.spec.registry import load_registry;"
        f"assert load_registry(Path({str(tmp_path)!r})).jobs;"
        "print(*[name for name in ('pandas', 'pyarrow', 'sqlalchemy', 'aiohttp', 'openai',"
        " 'pandera', 'boto3', 'dagster', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
