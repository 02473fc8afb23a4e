"""Small jobs for tests, written as the files a user would write, and their documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from batch_ai_assets.engine.spec.registry import Registry, load_registry

PROVIDER_MODELS = {
    "stub": {
        "price": {"input_usd_per_million": 1.0, "output_usd_per_million": 2.0},
        "context_tokens": 8000,
    }
}


def job_file(name: str = "mail", **changes: Any) -> dict[str, Any]:
    """A manual JSONL job on the provider `near`; `changes` replace top-level parts."""
    return {
        "job": name,
        "owner": "team:risk",
        "purpose": "Sort customer messages, so that each reaches the desk that can answer it.",
        "data_classification": "internal",
        "input": {"path": f"{{home}}/inbox/{name}", "format": "jsonl", "glob": "*.jsonl"},
        "model": {"provider": "near", "name": "stub"},
        "prompt": {"file": "prompt.md", "version": "1"},
        "output": {
            "schema": {
                "type": "object",
                "properties": {"topic": {"type": "string", "description": "What it is about."}},
                "required": ["topic"],
            },
            "taxonomy": {"topic": {"card": "About a bank card.", "other": "Anything else."}},
        },
        "rules": [{"name": "topic_is_known", "sql": "topic IN ('card', 'other')"}],
        "budget": {"limit_usd": 5.0},
        "consumers": ["reporting"],
        **changes,
    }


def write_registry(
    folder: Path, *jobs: dict[str, Any], base_url: str = "http://127.0.0.1:9/v1", **more: str
) -> Path:
    """A registry folder with these jobs, the provider `near`, and `more` providers by address."""
    folder.mkdir(parents=True, exist_ok=True)
    providers = {
        name: {
            "kind": "openai",
            "base_url": address,
            "approved_classes": ["public", "internal"],
            "models": PROVIDER_MODELS,
        }
        for name, address in {"near": base_url, **more}.items()
    }
    (folder / "providers.yaml").write_text(yaml.safe_dump(providers))
    for job in jobs:
        place = folder / job["job"]
        place.mkdir(exist_ok=True)
        (place / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False))
        (place / "prompt.md").write_text("Say what the message is about.\n")
    return folder


def registry_of(folder: Path, *jobs: dict[str, Any], **more: Any) -> Registry:
    """The registry of these jobs, loaded; fails where one of them is broken."""
    registry = load_registry(write_registry(folder, *jobs, **more))
    assert not registry.broken, registry.broken
    return registry


def write_documents(home: Path, job: str, texts: dict[str, str], file: str = "in.jsonl") -> Path:
    """One JSONL file in the inbox of a job, one line per id and text."""
    path = home / "inbox" / job / file
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": key, "text": text}) for key, text in texts.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
