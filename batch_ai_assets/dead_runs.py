"""Dead runs: runs that Dagster shows at work though their process is gone, and how they are closed.

A run whose host, code server and daemon died together stays STARTED for ever, and would keep its
batch from being run again. Who lives is in the state store: a run renews the lease of its batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.run_tags import STARTED_BY_CLI, died_unseen, is_of_this_host

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

QUIET_SECONDS = 100.0
"""Where nobody can see the process itself: a run at work renews its lease every 5 s, but for
steps between two stages."""
START_SECONDS = 180.0
"""A run that is at work takes the lease of its batch long before."""
_SEEMS_AT_WORK = [
    dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING,
]  # fmt: skip
_WORDS = (
    "The process that worked on this run is gone: it gives no sign of life to the state store. "
    "What it committed is kept; the sensor `resumes` runs its batch on."
)


@dataclass(frozen=True, slots=True)
class Sign:
    """What is known of the process of a run."""

    holds: bool
    """Whether it was the last to hold its batch."""
    lease_lives: bool
    """Whether anybody holds the batch."""
    process_gone: bool
    """Seen on this machine: whoever held the batch last is no more."""
    quiet_seconds: float
    """Since anything was heard of the batch."""
    run_seconds: float
    """Since the run began."""


def is_dead(sign: Sign) -> bool:
    """Whether the run is certainly, or all but certainly, not at work any more. Pure."""
    if sign.lease_lives:
        return False
    if sign.holds:
        return sign.process_gone or sign.quiet_seconds > QUIET_SECONDS
    return min(sign.quiet_seconds, sign.run_seconds) > START_SECONDS


def close_dead_runs(
    instance: dg.DagsterInstance, deps: Deps, job: str, batch: str, now: float
) -> list[str]:
    """Ids of runs of the batch that are closed now, as failed or cancelled."""
    wanted = dg.RunsFilter(
        job_name=job, tags={"dagster/partition": batch}, statuses=_SEEMS_AT_WORK
    )
    closed = []
    for record in instance.get_run_records(wanted):
        run = record.dagster_run
        began = record.start_time or record.create_timestamp.timestamp()
        if not _is_dead(run, deps, batch, now, now - began):
            continue
        # The sensor runs the batch on; Dagster's own retry would be a second one.
        instance.add_run_tags(run.run_id, {"dagster/max_retries": "0"})
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, _WORDS)
        else:
            instance.report_run_failed(run, _WORDS)
        closed.append(run.run_id)
    return closed


def _is_dead(
    run: dg.DagsterRun, deps: Deps, batch: str, now: float, run_seconds: float
) -> bool:
    """A command line on this machine is seen to live or not; of others, the lease tells."""
    from batch_ai_assets.engine.state.process_mark import is_dead as is_gone

    if STARTED_BY_CLI in run.tags and run.parent_run_id is None and is_of_this_host(run.tags):
        return died_unseen(run.tags)
    lease = deps.store.leases.last(run.job_name, batch)
    heard = max(
        deps.store.leases.seen_alive(run.job_name, batch),
        deps.store.batches.changed_at(run.job_name, batch),
    )
    sign = Sign(
        holds=lease is not None and lease.run_id == run.run_id,
        lease_lives=deps.store.leases.holder(run.job_name, batch) is not None,
        process_gone=lease is not None and is_gone(lease.process),
        quiet_seconds=now - heard,
        run_seconds=run_seconds,
    )
    return is_dead(sign)
