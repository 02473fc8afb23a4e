"""What consumers are told of a release: the pointer `_current.json`, and how it is made good."""

from __future__ import annotations

from datetime import UTC, datetime

from .deps import Deps
from .errors import StorageError
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.releases import Release
from .state.rows import Plan
from .tables import BatchTable, Current


def current(mine: Release, rows: BatchTable, plan: Plan, job: ResolvedJob) -> Current:
    """What consumers are told of the release of `plan`."""
    return Current(
        job=mine.job,
        batch=mine.batch,
        version=mine.version,
        path=mine.path,
        parts=rows.parts,
        rows=mine.rows,
        released_at=datetime.fromtimestamp(mine.at, UTC).isoformat(),
        released_by=mine.by,
        schema_version=frozen_job(plan, job).spec.output.version,
    )


def point_again(plan: Plan, job: ResolvedJob, rows: BatchTable, deps: Deps) -> None:
    """Restore the pointer of a finished batch where it is gone, damaged or behind."""
    releases = deps.store.releases.of(plan.job, plan.batch)
    mine = next((one for one in releases if one.version == plan.version), None)
    if mine is None:
        return
    wanted = current(mine, rows, plan, job)
    try:
        found = deps.tables.current(plan.job, plan.batch)
    except StorageError:
        found = None
    if found != wanted:
        deps.tables.point_current(wanted)
