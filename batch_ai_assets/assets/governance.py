"""governance_report: every check, release and decision of a month, over all jobs.

What is in it is drawn up in `engine/governance.py`.
"""

from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.assets.monthly import Report, month_before, monthly_report

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

KEY = dg.AssetKey(["governance_report"])
SCHEDULE = "governance_report_monthly"
_DESCRIPTION = (
    "For who signs for it: of a month (UTC) and over all jobs, what every check of every batch "
    "found, which versions were released, what people decided about documents and why, and what "
    "still waits for a person. Written on the first day of the next month; materialize it again at "
    "any time. `batch-ai governance` writes the same page, also of one batch."
)


def governance_report() -> dg.AssetsDefinition:
    return monthly_report(KEY, _DESCRIPTION, _report)


def governance_schedule() -> dg.ScheduleDefinition:
    """On the first day of a month, the report of the one before."""
    job = dg.define_asset_job("governance", selection=dg.AssetSelection.assets(KEY))

    @dg.schedule(
        name=SCHEDULE,
        job=job,
        cron_schedule="30 4 1 * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Writes the governance report of the month that has ended.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        month = month_before(context.scheduled_execution_time)
        return dg.RunRequest(run_key=month, partition_key=month)

    return tick


def _report(deps: "Deps", month: str) -> Report:
    from batch_ai_assets.engine.governance import month_of, oversee
    from batch_ai_assets.engine.reporting.governance_markdown import render_governance_markdown
    from batch_ai_assets.engine.reporting.html import render_governance

    record = oversee(deps.store, month, *month_of(month))
    batches = [batch for _, batch in record.batches()]
    figures = {
        "batches": len(batches),
        "checks_in_error": record.errors,
        "checks_that_warn": record.warnings,
        "decisions": sum(one.items for batch in batches for one in batch.decisions),
        "need_a_person": len(record.needs_a_person),
    }
    said = render_governance_markdown(record)
    return Report(record.to_json(), said, render_governance(record), figures)
