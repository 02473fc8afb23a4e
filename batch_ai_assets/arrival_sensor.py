"""When a job on arrival runs by itself: one sensor for each, a thin shell around its inbox.

What has arrived is listed, claimed and named by `engine/intake/inbox.py`; here Dagster gets the
partition and the run. A batch that was claimed is offered until Dagster has a run of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.intake.inbox import Tick

INTERVAL_SECONDS = 30
MOST_OFFERS = 50
"""Runs asked for again in one tick; the rest waits for the next."""


def arrival_sensor(
    job: ResolvedJob, asset_job: UnresolvedAssetJobDefinition
) -> dg.SensorDefinition | None:
    """Makes batches of what arrives; `None` for a job with another cadence, and for one that
    follows another job.

    Running by default: `cadence: on_arrival` in the job file is the wish that it runs by itself,
    and the budget that every job must name bounds what a batch may cost.
    """
    if job.spec.batches.cadence != "on_arrival" or job.upstream is not None:
        return None

    @dg.sensor(
        name=f"{job.name}__arrivals",
        job=asset_job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={ENGINE},
        description=(
            f"Looks for documents of {job.name} that have arrived, and runs a batch of them when"
            " enough are waiting. The latest tick says what is missing."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from batch_ai_assets.engine.errors import BatchAIError

        try:
            tick, batches = look(job, context.resources.engine.deps, context)
        except BatchAIError as error:
            return dg.SensorResult(skip_reason=f"Nothing was looked at: {error}")
        return dg.SensorResult(
            run_requests=[request(job, batch) for batch in batches],
            dynamic_partitions_requests=[
                dg.DynamicPartitionsDefinition(name=job.partitions).build_add_request(batches)
            ],
            skip_reason=None if batches else tick.said,
            cursor=tick.cursor,
        )

    return shell


def look(
    job: ResolvedJob, deps: Deps, context: dg.SensorEvaluationContext
) -> tuple[Tick, list[str]]:
    """One look at the inbox, and the batches that need a run. Raises BatchAIError."""
    from batch_ai_assets.engine.intake.inbox import Inbox

    inbox = Inbox(job, deps.store, deps.home)
    tick = inbox.tick(context.cursor)
    again = [batch for batch in inbox.offered() if not has_run(context.instance, job, batch)]
    context.log.info(tick.said)
    return tick, [*(one.batch for one in tick.claimed), *again[:MOST_OFFERS]]


def has_run(instance: dg.DagsterInstance, job: ResolvedJob, batch: str) -> bool:
    """Whether Dagster has any run of this batch, whatever became of it."""
    wanted = dg.RunsFilter(job_name=job.name, tags={"dagster/partition": batch})
    return instance.get_runs_count(wanted) > 0


def request(job: ResolvedJob, batch: str) -> dg.RunRequest:
    """A run of the batch. Dagster starts one run for a run key, however often it is asked."""
    return dg.RunRequest(run_key=f"{job.name}/{batch}/1", partition_key=batch)
