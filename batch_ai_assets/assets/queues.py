"""dead_letter_queue and review_queue: documents that are not among the results, and why."""

from collections.abc import Iterator

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key, entry
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable


def dead_letter_queue(job: ResolvedJob) -> dg.AssetsDefinition:
    @dg.asset(**entry(job, "dead_letter_queue"), deps=[asset_key(job, "validation_report")])
    def body(context: dg.AssetExecutionContext) -> Iterator[dg.Output[BatchTable]]:
        from batch_ai_assets.engine.batch import export_dead_letters

        with stage(context, job) as here:
            revision = here.dead_letter_revision()
            table = export_dead_letters(job, here.batch, here.run, here.deps)
            known = here.metadata_of(table)
            # Why documents died comes first: it is what people come for.
            numbers = {"dead_by_reason": known["dead_by_reason"], **known, "revision": revision}
        yield dg.Output(table, metadata=numbers)

    return body


def review_queue(job: ResolvedJob) -> dg.AssetsDefinition:
    @dg.asset(**entry(job, "review_queue"), deps=[asset_key(job, "validation_report")])
    def body(context: dg.AssetExecutionContext) -> Iterator[dg.Output[BatchTable]]:
        from batch_ai_assets.engine.batch import export_reviews

        with stage(context, job) as here:
            table = export_reviews(job, here.batch, here.run, here.deps)
            numbers = here.metadata_of(table)
        yield dg.Output(table, metadata=numbers)

    return body
