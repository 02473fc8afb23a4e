"""A new job loads as it is, and nothing that is there is ever touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec.job_schema import job_schema_text
from batch_ai_assets.engine.spec.new_job import write_new_job
from batch_ai_assets.engine.spec.registry import load_registry


def test_a_new_job_is_sound_as_it_is(tmp_path: Path) -> None:
    folder = write_new_job(tmp_path / "registry", "letters_2026")
    registry = load_registry(tmp_path / "registry")
    job = registry.job("letters_2026")
    assert registry.broken == ()
    assert job.spec.input.path == "{home}/inbox/letters_2026"
    assert job.spec.model.provider == "local"
    assert len(job.examples) == 4
    assert {path.name for path in folder.iterdir()} == {"job.yaml", "prompt.md", "examples.yaml"}


def test_its_first_line_points_editors_to_a_schema_that_is_there(tmp_path: Path) -> None:
    folder = write_new_job(tmp_path, "letters")
    first = (folder / "job.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../job.schema.json"
    assert (folder / ".." / "job.schema.json").is_file()


def test_a_schema_of_an_older_version_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "job.schema.json").write_text('{"title": "as it was"}\n')
    write_new_job(tmp_path, "letters")
    assert (tmp_path / "job.schema.json").read_text(encoding="utf-8") == job_schema_text()


def test_no_placeholder_of_the_template_is_left(tmp_path: Path) -> None:
    folder = write_new_job(tmp_path, "letters")
    text = (folder / "job.yaml").read_text().replace("team:NAME", "")
    assert "NAME" not in text


def test_an_existing_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "job.yaml").write_text("mine")
    with pytest.raises(SpecError, match="is there already; nothing was changed"):
        write_new_job(tmp_path, "letters")
    assert (tmp_path / "letters" / "job.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["", "Letters", "my job", "my-job", "2nd", "../up", "a/b", "a" * 64, "é", ".x", "x\n"]
)
def test_a_name_that_cannot_be_a_job_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match="cannot name a job: use lower-case letters"):
        write_new_job(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_near_name_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="'my_first_job' would do"):
        write_new_job(tmp_path, "My First-Job")


def test_a_registry_that_cannot_be_written_is_named_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match=r"file/registry.*Set BATCH_AI_REGISTRY to a folder"):
        write_new_job(tmp_path / "file" / "registry", "letters")
