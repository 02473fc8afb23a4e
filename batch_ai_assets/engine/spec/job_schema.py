"""The JSON Schema of `job.yaml`, for editors: completion, and what each key is for.

Made from the models and their docstrings, so that it cannot say anything else than they do. It
knows shapes only; `batch-ai validate` knows all the rest.
"""

from __future__ import annotations

import json
from typing import Any

from .job import JobSpec

SCHEMA_FILE = "job.schema.json"
"""Its name in a registry folder; job files point to it in their first line."""


def job_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a job file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **JobSpec.model_json_schema(by_alias=True),
        "title": "Batch AI job",
    }


def job_schema_text() -> str:
    """The same, as the text of a file."""
    return json.dumps(job_schema(), indent=2, ensure_ascii=False) + "\n"
