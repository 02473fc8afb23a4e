"""A small world for engine tests: a job, its documents, a state store, a stub provider.

Real parts throughout: SQLite on disk, Parquet on disk, the stub server on loopback.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from batch_ai_assets.engine.batch import Deps, Mode, Outcome, Run, run_batch
from batch_ai_assets.engine.endpoint import Carrier, Endpoint
from batch_ai_assets.engine.figures import Conservation
from batch_ai_assets.engine.sealing import Sealer, load_keys
from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.spec.provider import ProviderSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.engine.tables import TableStore
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

TOPICS = {"card": "About a card.", "cash": "About cash.", "other": "Anything else."}

SPEC: dict[str, Any] = {
    "job": "topics",
    "owner": "team:tests",
    "purpose": "Sort messages by topic.",
    "data_classification": "public",
    "input": {"path": "{home}/inbox/messages.jsonl", "format": "jsonl"},
    "model": {"provider": "stub", "name": "stub", "parameters": {"max_tokens": 32}},
    "prompt": {"version": "1"},
    "output": {
        "schema": {
            "type": "object",
            "properties": {
                "topic": {"type": "string", "description": "What it is about."},
                "urgent": {"type": "boolean"},
            },
            "required": ["topic", "urgent"],
        },
        "taxonomy": {"topic": TOPICS},
    },
    "limits": {"concurrency": 16},
    "retry": {"base_seconds": 0.02, "max_seconds": 0.1, "timeout_seconds": 2.0},
    "budget": {"limit_usd": 5.0, "before_start": "warn"},
}

PROVIDER: dict[str, Any] = {
    "base_url": "http://127.0.0.1:9/v1",
    "models": {
        "stub": {
            "price": {"input_usd_per_million": 0.1, "output_usd_per_million": 0.4},
            "context_tokens": 16000,
        }
    },
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value
    return result


def make_job(
    folder: Path, spec: Mapping[str, Any] | None = None, provider: Mapping[str, Any] | None = None
) -> ResolvedJob:
    """The topics job with changes."""
    return ResolvedJob(
        spec=JobSpec.model_validate(merged(SPEC, spec or {})),
        provider=ProviderSpec.model_validate(merged(PROVIDER, provider or {})),
        prompt_text="Say what the message is about.",
        folder=str(folder),
    )


def message(number: int, text: str = "") -> dict[str, Any]:
    """Item `m<number>`; the stub's /stats know it by that name."""
    return {"id": f"m{number}", "text": f"[[id:m{number}]] message number {number} {text}"}


@dataclass
class World:
    """One home folder and what is in it."""

    home: Path
    job: ResolvedJob
    deps: Deps
    base_url: str
    runs: int = 0
    progress: list[Any] = field(default_factory=list)

    def write_messages(self, rows: Iterable[Any], name: str = "messages.jsonl") -> Path:
        path = self.home / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def run(
        self, batch: str = "b1", mode: Mode = Mode.RESUME, job: ResolvedJob | None = None
    ) -> Outcome:
        self.runs += 1
        return run_batch(job or self.job, batch, Run(f"run-{self.runs}", "test", mode), self.deps)

    def counts(self, batch: str = "b1") -> Conservation:
        return self.deps.store.figures(self.job.name, batch).conservation

    def results(self, batch: str = "b1") -> list[dict[str, Any]]:
        """Rows that consumers read, straight from the files of `_current.json`."""
        current = self.deps.tables.current(self.job.name, batch)
        assert current is not None
        rows: list[dict[str, Any]] = self.deps.tables.open(current.path).to_arrow().to_pylist()
        return rows

    def dead(self, batch: str = "b1") -> dict[str, str]:
        """item → reason."""
        letters = self.deps.store.dead_letters(self.job.name, batch)
        return {letter.item_id: letter.reason for letter in letters}


@contextmanager
def world(
    home: Path,
    base_url: str = "http://127.0.0.1:9/v1",
    spec: Mapping[str, Any] | None = None,
    provider: Mapping[str, Any] | None = None,
    patience_seconds: float = 5.0,
    api_key: str | None = None,
    secrets: Mapping[str, str] = MappingProxyType({}),
    carrier: Carrier = "aiohttp",
) -> Iterator[World]:
    """Open a world below `home`, asking the provider at `base_url`."""

    @contextmanager
    def endpoint(_: ResolvedJob) -> Iterator[Endpoint]:
        yield Endpoint(base_url, api_key, carrier)

    seen: list[Any] = []
    store = StateStore.open(f"sqlite:///{home}/state/state.sqlite", patience_seconds)
    deps = Deps(
        store=store,
        tables=TableStore(home / "data"),
        sealer=Sealer(load_keys(home / "keys")),
        home=home,
        open_endpoint=endpoint,
        connect=lambda: duckdb.connect(":memory:"),
        progress=seen.append,
        open_secret=lambda reference: secrets[reference],
    )
    try:
        yield World(home, make_job(home, spec, provider), deps, base_url, progress=seen)
    finally:
        store.close()


@contextmanager
def stub(**options: Any) -> Iterator[LocalProvider]:
    """A stub server of one's own."""
    with LocalProvider(ServerOptions(model="stub", **options)) as server:
        yield server
