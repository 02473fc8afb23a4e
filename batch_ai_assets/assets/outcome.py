"""validation_report and results: the verdict on every document, and the release."""

from collections.abc import Iterator

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key, entry
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable


def validation_report(job: ResolvedJob) -> dg.AssetsDefinition:
    @dg.asset(**entry(job, "validation_report"), deps=[asset_key(job, "enriched_outputs")])
    def body(context: dg.AssetExecutionContext) -> Iterator[dg.Output[BatchTable]]:
        from batch_ai_assets.engine.batch import judge

        with stage(context, job) as here:
            table = judge(job, here.batch, here.run, here.deps)
            numbers = here.metadata_of(table)
        yield dg.Output(table, metadata=numbers)

    return body


def results(job: ResolvedJob) -> dg.AssetsDefinition:
    @dg.asset(**entry(job, "results"), deps=[asset_key(job, "validation_report")])
    def body(context: dg.AssetExecutionContext) -> Iterator[dg.Output[BatchTable]]:
        from batch_ai_assets.engine.batch import release

        with stage(context, job) as here:
            table = release(job, here.batch, here.run, here.deps)
            numbers = here.metadata_of(table)
        yield dg.Output(table, metadata=numbers)

    return body
