"""What a job reads of another job's results is judged when the registry is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.spec.registry import load_registry

from .job_folders import REMOVE, changed, write_job


def broken(registry: Path, name: str = "routes", **source: object) -> str:
    """What is said of a job that reads `tickets`; empty where it is sound."""
    reads = {"asset": "tickets", "text": "topic", **source}
    write_job(registry, changed(("job", name), ("input", reads)), name=name)
    if not (registry / "tickets").exists():
        write_job(registry)
    found = {one.name: one.message for one in load_registry(registry).broken}
    return found.get(name, "")


@pytest.mark.parametrize(
    "source",
    [
        {"text": "topic"},
        {"id": None, "text": "topic", "attributes": ["score", "confidence", "output_id"]},
        {"id": "output_id", "classification": "data_classification", "updated_at": "created_at"},
    ],
)
def test_fields_of_the_answer_and_columns_of_every_result_can_be_read(
    tmp_path: Path, source: dict[str, object]
) -> None:
    assert broken(tmp_path, **source) == ""


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"text": "topik"}, "input.text"),
        ({"id": "topik"}, "input.id"),
        ({"attributes": ["score", "topik"]}, "input.attributes[1]"),
        ({"classification": "topik"}, "input.classification"),
        ({"updated_at": "topik"}, "input.updated_at"),
    ],
)
def test_a_column_that_the_results_will_not_have_is_named_with_its_line(
    tmp_path: Path, source: dict[str, object], place: str
) -> None:
    said = broken(tmp_path, **source)
    path, line, rest = said.split(":", 2)
    assert path == str(tmp_path / "routes" / "job.yaml")
    assert "topik" in Path(path).read_text().splitlines()[int(line) - 1]
    assert rest.startswith(f" {place}: the results of tickets have no column 'topik'.")
    assert "Did you mean 'topic'? There are topic, score, and" in rest


def test_all_columns_that_are_missing_are_said_at_once(tmp_path: Path) -> None:
    said = broken(tmp_path, text="body", attributes=["sender"])
    assert len(said.splitlines()) == 2


def test_a_job_behind_one_that_reads_a_wrong_column_is_broken_with_it(tmp_path: Path) -> None:
    broken(tmp_path, text="body")
    assert "'routes', which is broken" in broken(tmp_path, "desks", asset="routes")


def test_the_columns_of_any_other_asset_are_not_known_beforehand(tmp_path: Path) -> None:
    job = changed(("input", {"asset": "lake/mails", "text": "body"}), ("output.taxonomy", REMOVE))
    write_job(tmp_path, job)
    found = load_registry(tmp_path).broken
    assert not [one for one in found if "body" in one.message]
