"""Which job and which batch a command line means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batch_ai_assets.engine.errors import SpecError, UnknownBatchError

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.spec.registry import Registry
    from batch_ai_assets.engine.spec.resolved import ResolvedJob


def wanted(
    registry: Registry, name: str, batch: str | None, *, ahead: bool = False
) -> tuple[ResolvedJob, str]:
    """The job and the batch key. A word that was mistyped is wrong usage, a broken job is not.

    ahead: of a timed job the batch that is due next, where none is named, and not the last one
    that is over.
    """
    from batch_ai_assets.partitions import checked_batch_key

    now = datetime.now(UTC)
    try:
        job = registry.job(name)
        if batch is not None:  # an empty name is one that was not set, and no wish for a new batch
            key = checked_batch_key(job.spec, batch, now, ahead=ahead)
        else:
            key = _default(job, now, ahead=ahead)
    except SpecError as error:
        if any(broken.name == name for broken in registry.broken):
            raise
        raise click.UsageError(str(error)) from error
    return job, key


def prove_known(job: str, batch: str | None, deps: Deps) -> None:
    """Where there is nothing to show: a job that nobody has heard of is wrong usage, and a batch
    UnknownBatchError."""
    from batch_ai_assets.commands.decide import job_named

    if batch is not None and deps.store.batches.state(job, batch) is not None:
        return
    if not deps.store.overview(job, limit=1):
        job_named(job)
    if batch is not None:
        raise UnknownBatchError(
            f"There is no batch {job}/{batch}. batch-ai status {job} lists those that there are."
        )


def _default(job: ResolvedJob, now: datetime, *, ahead: bool) -> str:
    """The batch that is meant where none is named. Raises SpecError."""
    from batch_ai_assets.partitions import default_batch_key, next_batch_key

    if job.upstream is None:
        if ahead and job.spec.batches.timed:
            return next_batch_key(job.spec, now)
        return default_batch_key(job.spec, now)
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        releases = deps.store.releases.of(job.upstream)
    if not releases:
        raise SpecError(
            f"{job.name} reads the results of {job.upstream}, which has released none yet. Run it"
            f" first: batch-ai run {job.upstream}"
        )
    return releases[-1].batch
