"""Consumers: those who read the results are told when they come late, and when they are there.

An event is a row in the state store and `_event.json` in the results folder of the batch; the
webhook of the job is called above the engine (`consumer_delivery.py`). Counts and instants only.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from .control.projection import Span
from .deps import Deps
from .errors import StorageError
from .events import log_event
from .state.rows import Plan
from .tables import put_json, writing

CONTRACT = 1
"""Version of the layout of an event: fields are added, never renamed or given another meaning."""
LATE, AWAY, ARRIVED = "late", "provider_away", "arrived"
_FILE = "_event.json"


def was_told(job: str, batch: str, version: int, kind: str, deps: Deps) -> bool:
    """Whether the version has had its event of this kind."""
    events = deps.store.consumer_events.of(job, batch)
    return any((one.version, one.kind) == (version, kind) for one in events)


def expects(job: str, batch: str, version: int, deps: Deps) -> bool:
    """Whether anybody was told that the version comes late."""
    return any(was_told(job, batch, version, kind, deps) for kind in (LATE, AWAY))


def tell(
    job: str, batch: str, version: int, kind: str, facts: Mapping[str, Any], deps: Deps
) -> None:
    """Tell once for each version and kind. The file comes first: a crash between both repeats it,
    and loses neither. Raises StateError, StorageError."""
    if was_told(job, batch, version, kind, deps):
        return
    body: dict[str, Any] = {
        "contract": CONTRACT,
        "kind": kind,
        "job": job,
        "batch": batch,
        "version": version,
        "at": instant(deps.store.clock()),
        **facts,
        "usable_now": _usable(job, batch, deps),
    }
    folder = deps.tables.home(job, "results", batch)
    with writing(folder / _FILE):
        folder.mkdir(parents=True, exist_ok=True)
        put_json(folder / _FILE, body)
    if deps.store.consumer_events.add(job, batch, version, kind, body):
        log_event("consumer_event", job=job, batch=batch, version=version, kind=kind)


def expected(ends: Span | None, deadline_at: float) -> dict[str, Any]:
    """When the results are expected, and how late that is."""
    if ends is None:
        return {"expected_at": None, "expected_delay_seconds": None}
    return {
        "expected_at": {
            "low": instant(ends.low), "likely": instant(ends.likely), "high": instant(ends.high),
        },
        "expected_delay_seconds": round(max(0.0, ends.likely - deadline_at), 1),
    }  # fmt: skip


def counts(plan: Plan | None, deps: Deps) -> dict[str, int] | None:
    """Where the documents of the version stand; None where none was read yet."""
    if plan is None:
        return None
    counted = deps.store.conservation(plan)
    return {
        "items": counted.items,
        "answered": counted.items - deps.store.items.left_to_do(plan),
        "pending": counted.pending,
        "valid": counted.valid,
        "review": counted.review,
        "dead": counted.dead,
        "skipped": counted.skipped,
    }


def instant(at: float) -> str:
    """As JSON says it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _usable(job: str, batch: str, deps: Deps) -> dict[str, Any] | None:
    """The released version of the batch that can be read at this moment, if there is one."""
    with suppress(StorageError):
        current = deps.tables.current(job, batch)
        if current is not None:
            return {
                "version": current.version, "rows": current.rows, "path": current.path,
                "released_at": current.released_at,
            }  # fmt: skip
    return None
