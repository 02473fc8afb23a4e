"""When a job runs by itself: one schedule for each daily job.

Runs by arrival or by threshold are sensors, not schedules.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.partitions.partitioned_schedule import (
    UnresolvedPartitionedAssetScheduleDefinition,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from batch_ai_assets.engine.spec import JobSpec

AssetJob = UnresolvedAssetJobDefinition
Schedule = dg.ScheduleDefinition | UnresolvedPartitionedAssetScheduleDefinition


def daily_schedule(job: JobSpec, asset_job: AssetJob) -> Schedule | None:
    """Starts the batch of the day before at `batches.at`; `None` for a job without a cadence.

    Running by default: `cadence: daily` in the job file is the wish to run daily, and the
    budget that every job must name bounds what a day may cost.
    """
    if job.batches.cadence != "daily":
        return None
    hour, minute = (int(part) for part in job.batches.at.split(":"))
    return dg.build_schedule_from_partitioned_job(
        asset_job,
        name=f"{job.job}_daily",
        hour_of_day=hour,
        minute_of_hour=minute,
        description=(
            f"Every day at {job.batches.at} ({job.batches.timezone}): runs the batch of the day"
            " that has just ended."
        ),
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
