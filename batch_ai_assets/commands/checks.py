"""`batch-ai checks`: what every check of a batch found, as the Checks tab of the UI says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.decide import job_named
from batch_ai_assets.commands.streams import output
from batch_ai_assets.engine.figures import counted

if TYPE_CHECKING:
    from batch_ai_assets.engine.reporting.completion import CompletionRecord
    from batch_ai_assets.engine.reporting.trends import Trend
    from batch_ai_assets.engine.validation.check_result import CheckResult


@click.command("checks")
@click.argument("job")
@click.argument("batch", required=False)
@click.option(
    "--over", type=click.IntRange(2, 100), default=10, show_default=True,
    help="Show the trend over so many batches.",
)  # fmt: skip
def checks(job: str, batch: str | None, over: int) -> None:
    """Show every check of a BATCH of JOB, else of the newest: what it protects, what was found,
    the bar, the trend, and what to do."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.errors import UnknownBatchError
    from batch_ai_assets.engine.reporting.completion import CompletionRecord
    from batch_ai_assets.engine.reporting.trends import one_each, trends

    job_named(job)
    with open_deps() as deps:
        kept = deps.store.batches.newest_records(job, over * 4)
        wanted = None if batch is None else deps.store.batches.latest_record(job, batch)
    history = one_each(map(CompletionRecord.from_json, kept))[-over:]
    if wanted is not None:
        record = CompletionRecord.from_json(wanted)
    elif batch is None and history:
        record = history[-1]
    else:
        which = f"{job}/{batch}" if batch else job
        raise UnknownBatchError(
            f"There is no record of {which} yet: run a batch to its end, or see batch-ai status."
        )
    _print(record, trends(history))


def _print(record: CompletionRecord, found: dict[str, Trend]) -> None:
    console = output()
    console.print(
        f"{record.job}/{record.batch} version {record.version}: {record.state}", style="bold",
        markup=False,
    )  # fmt: skip
    if not record.checks:
        console.print("It stopped before anything was checked.")
    for check in record.checks:
        word, style = _verdict(check)
        console.print()
        console.print(f"{check.name:<22}{word}", style=style, markup=False)
        for name, said in _said(check, found.get(check.name)):
            console.print(f"  {name:<10}{said}", markup=False)


def _verdict(check: CheckResult) -> tuple[str, str]:
    if check.passed:
        return "passed", "green"
    word = "ERROR" if check.severity == "error" else "WARN"
    if check.blocking:
        return f"{word}, blocks", "bold red"
    return word, "red" if check.severity == "error" else "yellow"


def _said(check: CheckResult, trend: Trend | None) -> list[tuple[str, str]]:
    said = [("protects", check.meaning), ("found", check.found), ("bar", check.bar)]
    if trend is not None and len(trend.batches) > 1:
        failed = f"failed in {trend.failed}" if trend.failed else "never failed"
        batches = counted(len(trend.batches), "batch", "batches")
        said.append(("trend", f"{trend.line}  {failed} of the last {batches}"))
    if check.todo:
        said.append(("do", check.todo))
    return said
