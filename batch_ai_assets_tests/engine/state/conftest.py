"""A state store of one's own, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from batch_ai_assets.engine.state.database import Database
from batch_ai_assets.engine.state.rows import Plan
from batch_ai_assets.engine.state.store import StateStore


@dataclass
class Clock:
    """Seconds, moved by hand; sleeping moves it as well."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[StateStore]:
    database = Database(f"sqlite:///{tmp_path}/state/state.sqlite", patience_seconds=0.2)
    database.prepare()
    here = StateStore(database, clock)
    yield here
    here.close()


@contextmanager
def fresh_store() -> Iterator[StateStore]:
    """A store for one example of a property, on a file: threads share no store in memory."""
    with TemporaryDirectory() as folder:
        store = StateStore.open(f"sqlite:///{folder}/state.sqlite", patience_seconds=0.2)
        try:
            yield store
        finally:
            store.close()


def planned(store: StateStore, items: int = 0, batch: str = "b1") -> Plan:
    """A version of a batch, begun."""
    return store.batches.begin_plan(
        "topics", batch, spec="{}", spec_hash="h", mode="resume", raw_path="/raw", items=items
    )
