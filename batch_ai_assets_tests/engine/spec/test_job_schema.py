"""The JSON Schema for editors says what the models say."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from batch_ai_assets.engine.spec.job_schema import SCHEMA_FILE, job_schema, job_schema_text
from batch_ai_assets.engine.spec.providers_file import BUNDLED_REGISTRY
from batch_ai_assets.engine.spec.yaml_file import read_yaml

from .job_folders import REMOVE, SOUND, changed


def test_it_accepts_the_bundled_jobs_and_a_sound_one() -> None:
    validator = jsonschema_rs.validator_for(job_schema(), offline=True)
    validator.validate(SOUND)
    for path in BUNDLED_REGISTRY.glob("*/job.yaml"):
        validator.validate(read_yaml(path).data)


@pytest.mark.parametrize(
    "change", [("modle", 1), ("budget", REMOVE), ("sla.within", "soon"), ("rules.0.sqll", "x")]
)
def test_it_refuses_what_the_models_refuse(change: tuple[str, Any]) -> None:
    assert not jsonschema_rs.is_valid(job_schema(), changed(change))


def test_every_key_is_described() -> None:
    schema = job_schema()
    shapes = [schema, *schema["$defs"].values()]
    undescribed = [
        f"{shape['title']}.{key}"
        for shape in shapes
        for key, part in shape.get("properties", {}).items()
        if "description"
        not in {**schema["$defs"].get(part.get("$ref", "/").split("/")[-1], {}), **part}
    ]
    assert undescribed == []


def test_the_bundled_file_is_up_to_date() -> None:
    """Renew it with: batch-ai job-schema --output batch_ai_assets/registry/job.schema.json"""
    assert (BUNDLED_REGISTRY / SCHEMA_FILE).read_text(encoding="utf-8") == job_schema_text()
