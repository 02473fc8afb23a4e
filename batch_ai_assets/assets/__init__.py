"""The assets of a job, one module per stage of the batch.

    catalogue.py   what the catalogue says of each: words, owner, tags
    columns.py     the columns of their tables, and whence each comes
    overview.py    the job at a glance
    stage.py       how an engine stage runs inside an asset body, and how its endings look
    unreached.py   what is reported when a run stops early
    figures.py     the numbers each asset shows
    upstream.py    what raw_inputs depends on, where it reads another asset
    inputs.py enrichment.py outcome.py queues.py report.py   the eight bodies
    registry.py    the asset that lists all jobs

A body fetches, calls one stage of `engine/batch.py`, and yields metadata. No work is done here.
Modules with bodies do without `from __future__ import annotations`: Dagster wants the type of
`context` itself, not its name.
"""

from __future__ import annotations

import dagster as dg

from batch_ai_assets.assets.enrichment import enriched_outputs
from batch_ai_assets.assets.inputs import raw_inputs, work_plan
from batch_ai_assets.assets.outcome import results, validation_report
from batch_ai_assets.assets.queues import dead_letter_queue, review_queue
from batch_ai_assets.assets.report import completion_report
from batch_ai_assets.engine.spec.resolved import ResolvedJob


def job_assets(job: ResolvedJob) -> list[dg.AssetsDefinition]:
    """The eight assets of a job, upstream first."""
    return [
        raw_inputs(job),
        work_plan(job),
        enriched_outputs(job),
        validation_report(job),
        results(job),
        dead_letter_queue(job),
        review_queue(job),
        completion_report(job),
    ]
