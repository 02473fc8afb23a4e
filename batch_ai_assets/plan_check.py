"""The check on `work_plan`: whether the batch is expected to stay within what it may spend.

Thin: what is expected is in `engine/affordability.py`; here it becomes a row of the Checks tab, and
a batch that needs an approval halts before its first call.
"""

from collections.abc import Iterator

import dagster as dg

from batch_ai_assets.asset_checks import evaluation, selects, stop_batch
from batch_ai_assets.assets.catalogue import asset_key
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.partitions import batch_partitions
from batch_ai_assets.resources import ENGINE

NAME = "budget"


def plan_check(job: ResolvedJob) -> dg.AssetChecksDefinition:
    """`budget`, of a job's `work_plan`."""
    waits = job.spec.budget.before_start == "approve"
    bar = "waits for an approval before the first call" if waits else "shows, does not block"

    @dg.multi_asset_check(
        name=f"{job.name}__plan_check",
        specs=[
            dg.AssetCheckSpec(
                NAME,
                asset=asset_key(job, "work_plan"),
                description=f"What the batch is expected to cost, against what it may ({bar})",
                blocking=waits,
                partitions_def=batch_partitions(job),
            )
        ],
        required_resource_keys={ENGINE},
    )
    def body(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from batch_ai_assets.engine.affordability import affordable
        from batch_ai_assets.engine.batch import enrich, newest_plan

        with stage(context, job) as here:
            finding = affordable(job, newest_plan(job, here.batch, here.deps), here.deps)
        yield evaluation(job, finding, "work_plan")
        if finding.stops_release and selects(here, "enriched_outputs"):
            stop_batch(here, lambda: enrich(job, here.batch, here.run, here.deps))

    return body
