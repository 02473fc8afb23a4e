"""When a job runs by the clock: a pure decision and one schedule for each timed job.

Runs by arrival are sensors, not schedules. Which span of time a batch stands for is in
`engine/spec/windows.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from batch_ai_assets.assets.overview import by_the_clock
from batch_ai_assets.engine.spec.batches import BatchesSpec
from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.spec.windows import (
    WEEKDAYS,
    key_of,
    starts_at,
    takes_what_is_there,
    windows_before,
)
from batch_ai_assets.resources import ENGINE

AssetJob = UnresolvedAssetJobDefinition

CATCH_UP = {"hourly": 24, "daily": 5, "weekly": 5, "monthly": 5}
"""So many batches at most are made up for after the daemon slept, or the off-peak hours came."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Which batches to start now, the oldest first; or in words why none."""

    batches: tuple[str, ...] = ()
    why_none: str = ""


def candidates(batches: BatchesSpec, now: datetime) -> tuple[str, ...]:
    """Batches whose time has come, the newest first, as far back as is ever made up for."""
    recent = islice(windows_before(batches, now), CATCH_UP[batches.cadence] + 1)
    due = [key_of(batches, window) for window in recent if starts_at(batches, window) <= now]
    return tuple(due[: CATCH_UP[batches.cadence]])


def decide(
    job: ResolvedJob, due: tuple[str, ...], started: Collection[str], now: datetime
) -> Decision:
    """Start what is due and was never started: all since the last one that was.

    `due` are the candidates, `started` those of them that had a run. Where none had one, the job
    is new or has rested for long: it begins with the newest, and older ones are a backfill. A job
    that takes what is there when it runs needs only the newest anyway.
    """
    batches = job.spec.batches
    clock = f"{now.astimezone(ZoneInfo(batches.timezone)):%H:%M}"
    hours = batches.start_window
    if hours is not None and not hours.holds(clock):
        return Decision(
            why_none=f"It is {clock}, outside of batches.start_window ({hours.since} to"
            f" {hours.until}, {batches.timezone}). Batches that are due start within it."
        )
    if not due:
        return Decision(why_none="No batch is due yet.")
    if takes_what_is_there(job.spec) or not any(key in started for key in due):
        missed = [] if due[0] in started else [due[0]]
    else:
        # Behind the oldest that was started, whoever started a newer one by hand.
        oldest = max(place for place, key in enumerate(due) if key in started)
        missed = [key for key in due[:oldest] if key not in started]
    if not missed:
        return Decision(why_none=f"Batch {due[0]} has been started already.")
    return Decision(tuple(reversed(missed)))


def batch_schedule(
    job: ResolvedJob,
    asset_job: AssetJob,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.ScheduleDefinition | None:
    """Starts each batch when its window is over; `None` for a job without a clock of its own.

    Running by default: a cadence in the job file is the wish to run at it, and the budget that
    every job must name bounds what a batch may cost.
    """
    batches = job.spec.batches
    if not batches.timed or job.upstream is not None:
        return None

    @dg.schedule(
        name=f"{job.name}_{batches.cadence}",
        job=asset_job,
        cron_schedule=ticks_at(batches),
        execution_timezone="UTC" if batches.cadence == "hourly" else batches.timezone,
        description=f"{by_the_clock(batches)} {catching_up(job.spec)}",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        required_resource_keys={ENGINE},
    )
    def shell(context: dg.ScheduleEvaluationContext) -> dg.SkipReason | list[dg.RunRequest]:
        # A tick may come late; one that a person tries out may lie ahead.
        now = max(clock(), context.scheduled_execution_time.astimezone(UTC))
        due = candidates(batches, now)
        started = {key for key in due if _was_started(context, job, key)}
        decision = decide(job, due, started, now)
        if not decision.batches:
            return dg.SkipReason(decision.why_none)
        return [dg.RunRequest(run_key=key, partition_key=key) for key in decision.batches]

    return shell


def ticks_at(batches: BatchesSpec) -> str:
    """The cron line: when the schedule looks.

    Every day where the day is no figure (the end of a month), and where off-peak hours can put a
    start off: then the next look must not be a week away.
    """
    hour, minute = (int(part) for part in batches.at.split(":"))
    if batches.cadence == "hourly":
        return f"{minute} * * * *"
    if batches.start_window is None:
        if batches.cadence == "weekly":
            return f"{minute} {hour} * * {(WEEKDAYS.index(batches.weekday) + 1) % 7}"
        if batches.cadence == "monthly" and isinstance(batches.day, int):
            return f"{minute} {hour} {batches.day} * *"
    return f"{minute} {hour} * * *"


def _was_started(context: dg.ScheduleEvaluationContext, job: ResolvedJob, batch: str) -> bool:
    """Whether the batch has begun, or a run of it waits for its turn."""
    if context.resources.engine.deps.store.batches.state(job.name, batch) is not None:
        return True
    runs = dg.RunsFilter(job_name=job.name, tags={"dagster/partition": batch})
    return bool(context.instance.get_runs(runs, limit=1))


def catching_up(job: JobSpec) -> str:
    """What becomes of batches that were due while nothing ran, in words."""
    if takes_what_is_there(job):
        return "After a stop it runs the newest batch alone: a batch takes what is there."
    return (
        f"After a stop of fewer than {CATCH_UP[job.batches.cadence]} batches it makes up for what "
        "it missed. A new schedule does not look back, nor does one after a longer stop: it begins "
        "with the newest batch that is due; older ones are a backfill."
    )
