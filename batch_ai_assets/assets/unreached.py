"""Assets that a stopped run will not reach, but that people need just then.

A batch that is halted, interrupted or failed still has a completion record and dead letters.
They are written here and reported to Dagster outside the run's steps, with the run's id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.assets.catalogue import AssetName, asset_key
from batch_ai_assets.assets.columns import lineage_metadata
from batch_ai_assets.assets.figures import report_metadata
from batch_ai_assets.engine.errors import BatchAIError

if TYPE_CHECKING:
    from batch_ai_assets.assets.stage import Stage
    from batch_ai_assets.engine.reporting.completion import CompletionRecord


def report_unreached(here: Stage) -> None:
    """Publish `dead_letter_queue` and `completion_report` of a batch that stopped before them.

    What went wrong here is logged and never hides why the batch stopped. A run that kept no
    record has neither: its batch was never planned, or another run holds it.
    """
    try:
        record = _own_record(here)
        if record is not None:
            _completion(here, record)
            _dead_letters(here)
    except (BatchAIError, OSError) as error:
        here.context.log.warning(f"After the stop: {error}")


def _own_record(here: Stage) -> CompletionRecord | None:
    """The newest completion record, if it tells of this run."""
    from batch_ai_assets.engine.reporting.completion import CompletionRecord

    kept = here.deps.store.batches.latest_record(here.job.name, here.batch)
    record = CompletionRecord.from_json(kept) if kept is not None else None
    return record if record is not None and record.run_id == here.run.run_id else None


def _dead_letters(here: Stage) -> None:
    from batch_ai_assets.engine.batch import export_dead_letters

    revision = here.dead_letter_revision()
    table = export_dead_letters(here.job, here.batch, here.run, here.deps)
    here.deps.tables.point_latest(table)
    metadata = {
        **here.metadata_of(table),
        **lineage_metadata(here.job, "dead_letter_queue"),
        "location": dg.MetadataValue.path(table.path),
        "revision": revision,
    }
    _report(here, "dead_letter_queue", metadata)


def _completion(here: Stage, record: CompletionRecord) -> None:
    from batch_ai_assets.published_reports import publish_report

    report = publish_report(str(here.deps.tables.root), record, here.run.run_id)
    counts = record.conservation  # of a batch that was refused, the store counts nothing
    own = {"items": counts.items, "pending": counts.pending}
    numbers = {**here.metadata(), **report_metadata(record), **own}
    _report(here, "completion_report", {**report.metadata(), **numbers})


def _report(here: Stage, name: AssetName, metadata: dict[str, Any]) -> None:
    here.context.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key=asset_key(here.job, name),
            partition=here.batch,
            description="Written when the batch stopped before this asset's turn.",
            metadata={**metadata, "run": dg.MetadataValue.dagster_run(here.run.run_id)},
        )
    )
