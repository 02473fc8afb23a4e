"""What a stage is called with: the run it belongs to, and the connections it may use."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from .control.progress import Progress
from .endpoint import Endpoint
from .sealing import Sealer
from .spec.resolved import ResolvedJob
from .state.store import StateStore
from .tables import TableStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Mode(StrEnum):
    """What a run does with a batch that is finished already."""

    RESUME = "resume"
    """Nothing, unless the job's spec changed. An unfinished batch goes on where it stopped."""
    REPROCESS = "reprocess"
    """The next version; stored answers serve it, nothing is paid again."""
    REREAD = "reread"
    """The next version, of the documents as they are now; stored answers serve those that are
    the same."""
    FRESH = "fresh"
    """The next version; the provider is asked again."""


@dataclass(frozen=True, slots=True)
class Run:
    """Who runs the batch, and how."""

    run_id: str
    who: str
    """A person (`cli:name`), a schedule or a sensor: goes to the audit trail."""
    mode: Mode = Mode.RESUME
    shards: int | None = None
    """So many shards, in place of what the job says; counts when a version is planned."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Open connections. Whoever opened them closes them."""

    store: StateStore
    tables: TableStore
    sealer: Sealer
    home: Path
    """For `{home}` in input paths."""
    open_endpoint: Callable[[ResolvedJob], AbstractContextManager[Endpoint]]
    """Opened only if a call must be made; the bundled provider is started and stopped by it."""
    connect: Callable[[], DuckDBPyConnection]
    """A fresh in-memory DuckDB connection."""
    open_secret: Callable[[str], str]
    """The value of a secret reference such as `env:NAME`. Raises SpecError."""
    progress: Callable[[Progress], None]
    grace_seconds: float = 25.0
    """How long calls in flight may still answer after a signal."""
