"""enriched_outputs: the model is asked here, and nowhere else."""

from collections.abc import Iterator

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key, entry
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable


def enriched_outputs(job: ResolvedJob) -> dg.AssetsDefinition:
    @dg.asset(
        **entry(job, "enriched_outputs"),
        deps=[asset_key(job, "work_plan")],
        output_required=False,
    )
    def body(context: dg.AssetExecutionContext) -> Iterator[dg.Output[BatchTable]]:
        from batch_ai_assets.engine.batch import enrich

        answered: dg.Output[BatchTable] | None = None
        with stage(context, job) as here:
            table = enrich(job, here.batch, here.run, here.deps)
            answered = dg.Output(table, metadata=here.metadata_of(table))
        if answered is not None:  # None: the batch is paused
            yield answered

    return body
