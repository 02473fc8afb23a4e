"""Reports of a month over all jobs, as assets: put down in three forms, and shown in the UI.

    <root>/_platform/<name>/<month>/<run_id>/report.{json,md,html}

What is in one is drawn up in the engine; which there are, and when they are due, is in the modules
of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import BatchAIError
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2025-01", fmt="%Y-%m", end_offset=1)


@dataclass(frozen=True, slots=True)
class Report:
    """One report in its three forms, and its figures for the UI to plot."""

    data: bytes
    markdown: str
    html: str
    figures: Mapping[str, float]


def monthly_report(
    key: dg.AssetKey, description: str, draw_up: "Callable[[Deps, str], Report]"
) -> dg.AssetsDefinition:
    """`draw_up`: from a month such as 2026-11 to its report. Raises BatchAIError."""

    @dg.asset(
        key=key,
        group_name="platform",
        kinds={"json", "html"},
        partitions_def=MONTHS,
        required_resource_keys={ENGINE},
        description=description,
    )
    def body(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        month, deps = context.partition_key, context.resources.engine.deps
        try:
            report = draw_up(deps, month)
            metadata = _put_down(key.path[-1], month, context.run.run_id, report)
        except BatchAIError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from unsaid(error)
        return dg.MaterializeResult(metadata=metadata)

    return body


def month_before(at: datetime) -> str:
    """The month that ended before this instant."""
    year, month = (at.year, at.month - 1) if at.month > 1 else (at.year - 1, 12)
    return f"{year:04}-{month:02}"


def _put_down(name: str, month: str, run_id: str, report: Report) -> dict[str, Any]:
    """Write the three forms; what Dagster shows of them."""
    from batch_ai_assets.engine.tables import at
    from batch_ai_assets.object_storage import reachable
    from batch_ai_assets.published_reports import put_report

    home = at(reachable(settings().data_url)) / "_platform" / name / month
    folder = put_report(home, run_id, report.data, report.markdown, report.html)
    return {
        "report": dg.MetadataValue.md(report.markdown),
        "html_report": dg.MetadataValue.path(str(folder / "report.html")),
        **report.figures,
    }
