"""raw_inputs and work_plan: what is in a batch, and what will be asked of the model."""

from collections.abc import Iterator

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key, entry
from batch_ai_assets.assets.figures import plan_metadata
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.assets.upstream import upstream_key, upstream_value
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable


def raw_inputs(job: ResolvedJob) -> dg.AssetsDefinition:
    after = upstream_key(job)

    @dg.asset(**entry(job, "raw_inputs"), deps=[] if after is None else [after])
    def body(context: dg.AssetExecutionContext) -> Iterator[dg.Output[BatchTable]]:
        from batch_ai_assets.engine.batch import read_inputs

        with stage(context, job) as here:
            value = upstream_value(context, job)
            table = read_inputs(job, here.batch, here.run, here.deps, value)
            numbers = {
                "items": table.rows,
                "dagster/row_count": table.rows,
                "duration_seconds": round(here.seconds, 3),
            }
        yield dg.Output(table, metadata=numbers)

    return body


def work_plan(job: ResolvedJob) -> dg.AssetsDefinition:
    @dg.asset(
        **entry(job, "work_plan"), ins={"raw": dg.AssetIn(key=asset_key(job, "raw_inputs"))}
    )
    def body(
        context: dg.AssetExecutionContext, raw: BatchTable
    ) -> Iterator[dg.Output[BatchTable]]:
        from batch_ai_assets.engine.batch import plan_work

        with stage(context, job) as here:
            table = plan_work(job, here.batch, here.run, here.deps, raw)
            numbers = {**here.metadata_of(table), **plan_metadata(table)}
        yield dg.Output(table, metadata=numbers)

    return body
