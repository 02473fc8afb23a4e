"""Which batch of a job on arrival a command line means: one that waits for a run, or a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from batch_ai_assets.engine.spec.resolved import ResolvedJob


def batch_of_arrivals(job: ResolvedJob) -> str | None:
    """A claimed batch that no run has taken up, or one of all that is waiting now.

    The thresholds are for runs that start by themselves; who asks by hand is not held back. None:
    nothing is waiting. Raises IntakeError, StateError.
    """
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.intake.inbox import Inbox

    with open_deps() as deps:
        inbox = Inbox(job, deps.store, deps.home)
        for batch in inbox.offered():
            return batch
        claimed = inbox.claim_now()
        return None if claimed is None else claimed.batch


def check_named(job: ResolvedJob, batch: str) -> None:
    """Wrong usage where the job has no batch of this name, and nothing waits to be made one.

    Raises IntakeError, StateError.
    """
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.errors import UnknownBatchError
    from batch_ai_assets.engine.intake.inbox import Inbox, has_inbox

    if not has_inbox(job):
        return
    with open_deps() as deps:
        try:
            Inbox(job, deps.store, deps.home).check_name(batch)
        except UnknownBatchError as error:
            raise click.UsageError(str(error)) from error
