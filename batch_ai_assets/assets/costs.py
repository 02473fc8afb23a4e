"""cost_report: what a month cost, over all jobs, and where it is heading.

What is in it is drawn up in `engine/costs.py`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.assets.monthly import Report, month_before, monthly_report
from batch_ai_assets.engine.spec.registry import Registry

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

KEY = dg.AssetKey(["cost_report"])
SCHEDULE = "cost_report_daily"
_DESCRIPTION = (
    "What a month (UTC) cost, over all jobs: by job, provider, model, prompt version and outcome, "
    "what was saved, how far estimates were off, what was approved, and what the month will have "
    "cost at its end, against every cap. Written every day; materialize it again at any time. "
    "`batch-ai costs` prints the same."
)


def cost_report(registry: Registry) -> dg.AssetsDefinition:
    return monthly_report(
        KEY, _DESCRIPTION, lambda deps, month: _report(registry, deps, month)
    )


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


def _report(registry: Registry, deps: "Deps", month: str) -> Report:
    """The report; and who should know of a cap is told, whichever month it is about."""
    from batch_ai_assets.engine.capping import alert_about_caps, caps_of
    from batch_ai_assets.engine.costs import add_up
    from batch_ai_assets.engine.reporting.costs_markdown import render_costs_markdown
    from batch_ai_assets.engine.reporting.html import render_costs

    caps = caps_of(registry.jobs.values())
    alert_about_caps(caps, deps, all_of_them=True)
    record = add_up(deps.store, month, caps)
    figures = {
        "cost_usd": record.total.usd,
        "tokens": record.total.tokens,
        "lost_usd": record.lost_usd,
        "machine_usd": record.machine_usd,
        "warnings": len(record.warnings),
    }
    if record.forecast is not None:
        figures["forecast_usd"] = record.forecast.likely
    said = render_costs_markdown(record)
    return Report(record.to_json(), said, render_costs(record), figures)
