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
from batch_ai_assets.run_tags import died_unseen

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.intake.inbox import Tick

INTERVAL_SECONDS = 30
MOST_OFFERS = 50
"""Runs asked for again in one tick; the rest waits for the next."""
MOST_RUNS = 3
"""Runs of a batch that fail before its manifest is there; then a person must look."""


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
            run_requests=[request(job, batch, number) for batch, number in batches.items()],
            dynamic_partitions_requests=[
                dg.DynamicPartitionsDefinition(name=job.partitions).build_add_request(list(batches))
            ],
            skip_reason=None if batches else tick.said,
            cursor=tick.cursor,
        )

    return shell


def look(
    job: ResolvedJob, deps: Deps, context: dg.SensorEvaluationContext
) -> tuple[Tick, dict[str, int]]:
    """One look at the inbox; the batches that need a run, and the number of that run.

    Raises BatchAIError.
    """
    from batch_ai_assets.engine.intake.inbox import Inbox

    inbox = Inbox(job, deps.store, deps.home)
    tick = inbox.tick(context.cursor)
    wanted = {one.batch: 1 for one in tick.claimed}
    for batch in inbox.offered()[:MOST_OFFERS]:
        number = next_offer(context.instance, job, batch)
        if number is not None:
            wanted.setdefault(batch, number)
    context.log.info(tick.said)
    return tick, wanted


def next_offer(instance: dg.DagsterInstance, job: ResolvedJob, batch: str) -> int | None:
    """The number of the run to ask for; None: one is on its way, or enough have failed.

    A run that died before it had written anything down is no reason to leave a batch lying.
    """
    found = instance.get_runs(
        dg.RunsFilter(job_name=job.name, tags={"dagster/partition": batch}), limit=MOST_RUNS
    )
    alive = (run for run in found if not run.is_finished and not died_unseen(run.tags))
    if len(found) >= MOST_RUNS or any(alive):
        return None
    return len(found) + 1


def request(job: ResolvedJob, batch: str, number: int) -> dg.RunRequest:
    """A run of the batch. Dagster starts one run for a run key, however often it is asked."""
    return dg.RunRequest(run_key=f"{job.name}/{batch}/{number}", partition_key=batch)
