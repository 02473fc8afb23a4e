"""What a run says at its end: the conservation line first, then where to look and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from batch_ai_assets.commands.dagster_run import Ending, RunOutcome
from batch_ai_assets.commands.program import command
from batch_ai_assets.published_reports import PublishedReport, latest_report
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from rich.console import Console


def print_summary(outcome: RunOutcome, registry: Path, console: Console) -> None:
    """The record of this run where there is one, and why it stopped where it did."""
    from batch_ai_assets.engine.reporting.text import summary_lines

    report = _report_of(outcome)
    if report is not None:
        record = report.record()
        equation = record.conservation.line
        console.print(equation, markup=False, style="bold")
        if outcome.ending is Ending.COMPLETED and record.run_id != outcome.run_id:
            console.print(
                f"Nothing to do: this batch was finished at {record.finished_at:%Y-%m-%d %H:%M}"
                " UTC and its job has not changed since. Nothing was asked or written. --reprocess"
                " makes the next version from stored answers, --fresh asks the provider again.",
                markup=False,
            )
        for line in summary_lines(record):
            if line != equation and (line != record.message or not outcome.message):
                console.print(line, markup=False)
    if outcome.message:
        console.print(outcome.message, markup=False, style="red")
    if report is not None:
        console.print(f"report    {report.html}", markup=False)
    console.print(f"open it   {_ui_command(outcome, registry)}", markup=False)


def _ui_command(outcome: RunOutcome, registry: Path) -> str:
    """The command that opens the batch in the UI, with the registry that its job is in."""
    words = ("ui", outcome.job, outcome.batch)
    if registry.resolve() == settings().registry:
        return command(*words)
    return command(*words, BATCH_AI_REGISTRY=str(registry))


def _report_of(outcome: RunOutcome) -> PublishedReport | None:
    """The newest report, if it tells of this run: a run that failed early has written none."""
    report = latest_report(settings().data_url, outcome.job, outcome.batch)
    if report is None or outcome.ending is Ending.COMPLETED:
        return report
    return report if report.record().run_id == outcome.run_id else None
