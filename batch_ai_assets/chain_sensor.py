"""When a job that reads another job's results runs by itself: a pure decision and its shell.

It follows releases: what its upstream has released and it has not read yet. Runs by the clock
are schedules, runs by arrival are in `arrival_sensor.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from batch_ai_assets.assets.catalogue import asset_key
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.partitions import batch_partitions
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.run_tags import MODE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.releases import Release

FIRST_LOOK_BACK = 24 * 3600.0
"""A job that is new to its chain takes up what was released so many seconds ago; older batches
are a backfill, which somebody asks for who knows what it costs."""
LATE_COMMIT = 3600.0
"""Releases this much older than the newest are looked at again: clocks of hosts differ."""
MOST_RUNS = 50
"""Runs asked for in one tick at most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A batch to run, because its upstream released `version` of it."""

    batch: str
    version: int
    again: bool
    """It was run before, from an older version."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to run now, and from which release on to look the next time."""

    run: tuple[Wanted, ...]
    since: float
    said: str


def decide(
    releases: Iterable[Release],
    read: Mapping[str, int],
    busy: Collection[str],
    since: float,
    closed: str = "",
) -> Decision:
    """Run every batch whose released version was not read yet, the oldest release first.

    `releases` are the upstream's, `read` the version that this job's manifest of a batch holds (0:
    of none). A batch in `busy` (at work, or stopped and not finished) waits for its end. `closed`
    says why nothing may start at this hour. A wish that is repeated costs nothing: Dagster starts
    one run for a run key.
    """
    newest = {one.batch: one for one in sorted(releases, key=lambda one: (one.at, one.version))}
    recent = sorted((one for one in newest.values() if one.at >= since), key=lambda one: one.at)
    unread = [
        one for one in recent
        if read.get(one.batch) != one.version and (read.get(one.batch) != 0 or one.rows)
    ]  # fmt: skip
    ready = [] if closed else [one for one in unread if one.batch not in busy][:MOST_RUNS]
    waiting = [one for one in unread if one not in ready]
    seen = max((one.at for one in newest.values()), default=since) - LATE_COMMIT
    return Decision(
        run=tuple(Wanted(one.batch, one.version, one.batch in read) for one in ready),
        since=max(since, min([seen, *(one.at for one in waiting)])),
        said=_said(unread, waiting, closed),
    )


def _said(unread: Collection[Release], waiting: Collection[Release], closed: str) -> str:
    if not unread:
        return "Everything that was released has been read."
    if closed:
        return f"{len(unread)} released, not read yet. {closed}"
    names = ", ".join(one.batch for one in waiting)
    return f"Waiting for the end of their last run: {names}." if waiting else ""


def chain_sensor(
    job: ResolvedJob, asset_job: UnresolvedAssetJobDefinition
) -> dg.SensorDefinition | None:
    """Runs the job for what its upstream has released; `None` for a job without one.

    Running by default where the head of the chain runs by itself. Where that is started by hand,
    so is this one, or the sensor is turned on.
    """
    if job.upstream is None:
        return None
    by_itself = job.spec.batches.timed or job.spec.batches.cadence == "on_arrival"
    status = dg.DefaultSensorStatus

    @dg.sensor(
        name=f"{job.name}__chain",
        job=asset_job,
        minimum_interval_seconds=30,
        default_status=status.RUNNING if by_itself else status.STOPPED,
        required_resource_keys={ENGINE},
        description=f"Runs a batch of {job.name} when {job.upstream} has released it.",
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from batch_ai_assets.engine.errors import BatchAIError

        try:
            decision = look(job, context.resources.engine.deps, context, datetime.now(UTC))
        except BatchAIError as error:
            return dg.SensorResult(skip_reason=f"Nothing was looked at: {error}")
        batches = [wanted.batch for wanted in decision.run]
        return dg.SensorResult(
            run_requests=[request(job, wanted) for wanted in decision.run],
            dynamic_partitions_requests=_unknown(job, batches),
            skip_reason=None if batches else decision.said,
            cursor=str(decision.since),
        )

    return shell


def look(
    job: ResolvedJob, deps: Deps, context: dg.SensorEvaluationContext, now: datetime
) -> Decision:
    """What the upstream has released, and what of it this job has read. Raises BatchAIError."""
    since = float(context.cursor) if context.cursor else now.timestamp() - FIRST_LOOK_BACK
    releases = deps.store.releases.of(str(job.upstream))
    recent = {one.batch for one in releases if one.at >= since}
    plans = {batch: deps.store.batches.latest_plan(job.name, batch) for batch in recent}
    read = {batch: _version_read(deps, plan.raw_path) for batch, plan in plans.items() if plan}
    unfinished = {batch for batch, plan in plans.items() if plan and plan.finished_at is None}
    busy = unfinished | {batch for batch in recent if _is_at_work(context.instance, job, batch)}
    return decide(releases, read, busy, since, closed_at(job, now))


def _version_read(deps: Deps, path: str) -> int:
    from batch_ai_assets.engine.intake.table_rows import version_read

    return version_read(deps.tables.open(path))


def _is_at_work(instance: dg.DagsterInstance, job: ResolvedJob, batch: str) -> bool:
    """Whether a run that is not over yet will read, or has just read, this batch."""
    going_on = dg.RunsFilter(
        tags={"dagster/partition": batch},
        statuses=[status for status in dg.DagsterRunStatus if status not in _OVER],
    )
    key = asset_key(job, "raw_inputs")
    return any(
        run.job_name == job.name or key in (run.asset_selection or ())
        for run in instance.get_runs(going_on)
    )


_OVER = (
    dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED,
)  # fmt: skip


def closed_at(job: ResolvedJob, now: datetime) -> str:
    """Why no batch may start at this hour; empty where one may."""
    batches = job.spec.batches
    hours, clock = batches.start_window, now.astimezone(ZoneInfo(batches.timezone))
    if hours is None or hours.holds(f"{clock:%H:%M}"):
        return ""
    return f"Batches start from {hours.since} to {hours.until} ({batches.timezone}) alone."


def request(job: ResolvedJob, wanted: Wanted) -> dg.RunRequest:
    """A run that reads this version. One that was run before plans its next version."""
    return dg.RunRequest(
        run_key=f"{job.name}/{wanted.batch}/{job.upstream}/{wanted.version}",
        job_name=job.name,
        partition_key=wanted.batch,
        tags={MODE: "reprocess"} if wanted.again else {},
    )


def _unknown(job: ResolvedJob, batches: list[str]) -> list[dg.AddDynamicPartitionsRequest]:
    """Dagster knows the batches it has run; one that was run elsewhere is told to it."""
    partitions = batch_partitions(job)
    if not batches or not isinstance(partitions, dg.DynamicPartitionsDefinition):
        return []
    return [partitions.build_add_request(batches)]
