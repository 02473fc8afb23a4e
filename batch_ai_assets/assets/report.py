"""completion_report: the audit record of a batch that came to its end."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key, entry
from batch_ai_assets.assets.figures import report_metadata
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.engine.errors import StateError
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.signs_of_life import look_for_silence
from batch_ai_assets.ui_links import links_of


def completion_report(job: ResolvedJob) -> dg.AssetsDefinition:
    @dg.asset(
        **entry(job, "completion_report"),
        deps=[asset_key(job, "validation_report"), asset_key(job, "results")],
    )
    def body(context: dg.AssetExecutionContext) -> Iterator[dg.Output[Any]]:
        from batch_ai_assets.engine.batch import complete
        from batch_ai_assets.engine.reporting.markdown import render_markdown

        with stage(context, job) as here:
            record = complete(job, here.batch, here.run, here.deps)
            with suppress(StateError):  # the batch is complete all the same
                look_for_silence(context.instance, {job.name: job}, here.deps)
            here.tag(record.state)
            numbers = {
                # First, because it is what people come for; its files are told by the IO manager.
                "report": dg.MetadataValue.md(render_markdown(record, links_of(record))),
                **here.metadata(),
                **report_metadata(record),
            }
        yield dg.Output(record, metadata=numbers)

    return body
