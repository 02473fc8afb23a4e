"""cost_report: what a month cost, over all jobs, and where it is heading.

    <root>/_platform/cost_report/<month>/<run_id>/report.{json,md,html}

What is in it is drawn up in `engine/costs.py`; here it is put down and shown.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.assets.governance import MONTHS, month_before
from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import BatchAIError
from batch_ai_assets.engine.spec.registry import Registry
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from batch_ai_assets.engine.control.month_end import Cap
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.reporting.costs import CostRecord

KEY = dg.AssetKey(["cost_report"])
SCHEDULE = "cost_report_daily"


def cost_report(registry: Registry) -> dg.AssetsDefinition:
    @dg.asset(
        key=KEY,
        group_name="platform",
        kinds={"json", "html"},
        partitions_def=MONTHS,
        required_resource_keys={ENGINE},
        description=(
            "What a month (UTC) cost, over all jobs: by job, provider, model, prompt version and "
            "outcome, what was saved, how far estimates were off, what was approved, and what the "
            "month will have cost at its end, against every cap. Written every day; materialize "
            "it again at any time. `batch-ai costs` prints the same."
        ),
    )
    def body(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from batch_ai_assets.engine.capping import caps_of

        deps: Deps = context.resources.engine.deps
        try:
            caps = caps_of(registry.jobs.values())
            record = _watched(context.partition_key, caps, deps)
            return dg.MaterializeResult(metadata=_published(record, context.run.run_id))
        except BatchAIError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from unsaid(error)

    return body


def cost_schedule() -> dg.ScheduleDefinition:
    """Every day the report of the month; on its first day also that of the month that ended."""
    job = dg.define_asset_job("costs", selection=dg.AssetSelection.assets(KEY))

    @dg.schedule(
        name=SCHEDULE,
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Writes what the month has cost so far, and what it will have cost.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        at = context.scheduled_execution_time
        for month in months_due(at):
            yield dg.RunRequest(run_key=f"{at:%Y-%m-%d} {month}", partition_key=month)

    return tick


def months_due(at: datetime) -> Sequence[str]:
    """The months whose report is written on this day."""
    now = f"{at:%Y-%m}"
    return (month_before(at), now) if at.day == 1 else (now,)


def _watched(month: str, caps: "Sequence[Cap]", deps: "Deps") -> "CostRecord":
    """The record; and who should know of a cap is told, whichever month it is about."""
    from batch_ai_assets.engine.capping import alert_about_caps
    from batch_ai_assets.engine.costs import add_up

    alert_about_caps(caps, deps, all_of_them=True)
    return add_up(deps.store, month, caps)


def _published(record: "CostRecord", run_id: str) -> dict[str, Any]:
    """Write the three forms; what Dagster shows of them."""
    from batch_ai_assets.engine.reporting.costs_markdown import render_costs_markdown
    from batch_ai_assets.engine.reporting.html import render_costs
    from batch_ai_assets.engine.tables import at
    from batch_ai_assets.object_storage import reachable
    from batch_ai_assets.published_reports import put_report

    home = at(reachable(settings().data_url)) / "_platform" / "cost_report" / record.month
    said = render_costs_markdown(record)
    folder = put_report(home, run_id, record.to_json(), said, render_costs(record))
    figures = {
        "cost_usd": record.total.usd,
        "tokens": record.total.tokens,
        "lost_usd": record.lost_usd,
        "machine_usd": record.machine_usd,
        "warnings": len(record.warnings),
    }
    if record.forecast is not None:
        figures["forecast_usd"] = record.forecast.likely
    return {
        "report": dg.MetadataValue.md(said),
        "html_report": dg.MetadataValue.path(str(folder / "report.html")),
        **figures,
    }
