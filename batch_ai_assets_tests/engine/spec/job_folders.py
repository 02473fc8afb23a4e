"""Job folders for the tests of the registry: a sound one, and the same with one thing changed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

SOUND: dict[str, Any] = {
    "job": "tickets",
    "owner": "team:support",
    "purpose": "Sorts tickets by topic.",
    "data_classification": "internal",
    "input": {"path": "{home}/inbox/tickets", "format": "jsonl", "attributes": ["label", "half"]},
    "model": {"provider": "local", "name": "minilm-classifier"},
    "prompt": {"version": "1", "examples": "examples.yaml"},
    "output": {
        "schema": {
            "type": "object",
            "properties": {"topic": {"type": "string"}, "score": {"type": "number"}},
        },
        "taxonomy": {"topic": {"bill": "About money.", "bug": "Something is broken."}},
        "confidence": {"from": "logprob", "field": "topic"},
        "review_below": 0.4,
    },
    "rules": [{"name": "has_topic", "sql": "topic <> ''"}],
    "budget": {"limit_tokens": 1000},
}
EXAMPLES = [{"text": "The app crashes.", "output": {"topic": "bug", "score": 0.5}}]
REMOVE = object()


def changed(*changes: tuple[str, object]) -> dict[str, Any]:
    """The sound job with values set, or removed, at dotted paths."""
    job = copy.deepcopy(SOUND)
    for path, value in changes:
        *above, last = path.split(".")
        part: Any = job
        for step in above:
            part = part[int(step)] if isinstance(part, list) else part.setdefault(step, {})
        if value is REMOVE:
            del part[last]
        else:
            part[last] = value
    return job


def write_job(
    registry: Path,
    job: object = None,
    *,
    name: str = "tickets",
    prompt: str | bytes | None = "Sort the ticket.",
    examples: object = None,
) -> Path:
    """Write a job folder into a registry; `job` is data, or the text of job.yaml."""
    folder = registry / name
    folder.mkdir(parents=True)
    content = SOUND if job is None else job
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    (folder / "job.yaml").write_text(text, encoding="utf-8")
    if prompt is not None:
        raw = prompt.encode() if isinstance(prompt, str) else prompt
        (folder / "prompt.md").write_bytes(raw)
    given = EXAMPLES if examples is None else examples
    text = given if isinstance(given, str) else yaml.safe_dump(given)
    (folder / "examples.yaml").write_text(text, encoding="utf-8")
    return folder
