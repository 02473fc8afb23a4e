"""governance_report: every check, release and decision of a month, over all jobs.

    <root>/_platform/governance_report/<month>/<run_id>/report.{json,md,html}

What is in it is drawn up in `engine/governance.py`; here it is put down and shown.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import BatchAIError
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from batch_ai_assets.engine.reporting.governance import GovernanceRecord

KEY = dg.AssetKey(["governance_report"])
SCHEDULE = "governance_report_monthly"
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2025-01", fmt="%Y-%m", end_offset=1)


def governance_report() -> dg.AssetsDefinition:
    @dg.asset(
        key=KEY,
        group_name="platform",
        kinds={"json", "html"},
        partitions_def=MONTHS,
        required_resource_keys={ENGINE},
        description=(
            "For who signs for it: of a month (UTC) and over all jobs, what every check of every "
            "batch found, which versions were released, what people decided about documents and "
            "why, and what still waits for a person. Written on the first day of the next month; "
            "materialize it again at any time. `batch-ai governance` writes the same page, also "
            "of one batch."
        ),
    )
    def body(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from batch_ai_assets.engine.governance import month_of, oversee

        month = context.partition_key
        try:
            record = oversee(context.resources.engine.deps.store, month, *month_of(month))
            return dg.MaterializeResult(metadata=_published(record, context.run.run_id))
        except BatchAIError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from unsaid(error)

    return body


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


def month_before(at: datetime) -> str:
    """The month that ended before this instant."""
    year, month = (at.year, at.month - 1) if at.month > 1 else (at.year - 1, 12)
    return f"{year:04}-{month:02}"


def _published(record: "GovernanceRecord", run_id: str) -> dict[str, Any]:
    """Write the three forms; what Dagster shows of them."""
    from batch_ai_assets.engine.reporting.governance_markdown import render_governance_markdown
    from batch_ai_assets.engine.reporting.html import render_governance
    from batch_ai_assets.engine.tables import at
    from batch_ai_assets.object_storage import reachable
    from batch_ai_assets.published_reports import put_report

    home = at(reachable(settings().data_url)) / "_platform" / "governance_report" / record.title
    said = render_governance_markdown(record)
    folder = put_report(home, run_id, record.to_json(), said, render_governance(record))
    batches = [batch for _, batch in record.batches()]
    return {
        "report": dg.MetadataValue.md(said),
        "html_report": dg.MetadataValue.path(str(folder / "report.html")),
        "batches": len(batches),
        "checks_in_error": record.errors,
        "checks_that_warn": record.warnings,
        "decisions": sum(one.items for batch in batches for one in batch.decisions),
        "need_a_person": len(record.needs_a_person),
    }
