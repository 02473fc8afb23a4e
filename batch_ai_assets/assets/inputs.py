"""raw_inputs and work_plan: what is in a batch, and what will be asked of the model."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key, entry
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable

Rows = Iterator[dg.Output[BatchTable]]


def raw_inputs(job: ResolvedJob) -> dg.AssetsDefinition:
    """Depends on what it reads: on another job's results, or on a Dagster asset and its value."""
    source = job.spec.input.asset
    if source is not None and job.upstream is None:

        @dg.asset(**entry(job, "raw_inputs"), ins={"upstream": dg.AssetIn(key=source.split("/"))})
        def body_of_asset(context: dg.AssetExecutionContext, upstream: Any) -> Rows:
            yield from _read(context, job, upstream)

        return body_of_asset
    after = [] if job.upstream is None else [dg.AssetKey([job.upstream, "results"])]

    @dg.asset(**entry(job, "raw_inputs"), deps=after)
    def body(context: dg.AssetExecutionContext) -> Rows:
        yield from _read(context, job, None)

    return body


def _read(context: dg.AssetExecutionContext, job: ResolvedJob, upstream: object) -> Rows:
    from batch_ai_assets.engine.batch import read_inputs

    with stage(context, job) as here:
        table = read_inputs(job, here.batch, here.run, here.deps, upstream)
        numbers = {
            "items": table.rows,
            "dagster/row_count": table.rows,
            "duration_seconds": round(here.seconds, 3),
        }
    yield dg.Output(table, metadata=numbers)


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
            numbers = {**here.metadata(), "dagster/row_count": table.rows}
        yield dg.Output(table, metadata=numbers)

    return body
