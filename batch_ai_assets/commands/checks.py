"""`batch-ai checks`: what every check of a batch found, as the Checks tab of the UI says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.decide import job_named
from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.reporting.completion import CompletionRecord
    from batch_ai_assets.engine.reporting.trends import Trend
    from batch_ai_assets.engine.validation.check_result import CheckResult


@click.command("checks")
@click.argument("job", required=False)
@click.argument("batch", required=False)
@click.option(
    "--over", type=click.IntRange(2, 100), default=10, show_default=True,
    help="Show the trend over so many batches.",
)  # fmt: skip
def checks(job: str | None, batch: str | None, over: int) -> None:
    """Show every check of a BATCH of JOB, else of the newest, of every job where none is named:
    what it protects, what was found, the bar, the trend, and what to do."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    names = [job_named(job).name] if job else sorted(load_registry(settings().registry).jobs)
    with open_deps() as deps:
        found = {name: _record(name, batch, over, deps) for name in names}
    shown = [one for one in found.values() if one is not None]
    if not shown:
        raise _nothing(job, batch)
    for place, (record, trend) in enumerate(shown):
        if place:
            click.echo()
        _print(record, trend)


def _record(
    job: str, batch: str | None, over: int, deps: Deps
) -> tuple[CompletionRecord, dict[str, Trend]] | None:
    """What is kept of the batch, or of the newest, and the trends up to now."""
    from batch_ai_assets.engine.history import checked_batches
    from batch_ai_assets.engine.reporting.completion import CompletionRecord
    from batch_ai_assets.engine.reporting.trends import trends

    history = checked_batches(job, deps.store, over)
    shown = batch or (history[-1].batch if history else None)
    kept = None if shown is None else deps.store.batches.latest_record(job, shown)
    return None if kept is None else (CompletionRecord.from_json(kept), trends(history))


def _nothing(job: str | None, batch: str | None) -> Exception:
    from batch_ai_assets.engine.errors import UnknownBatchError

    which = f"{job}/{batch}" if batch else job or "any job"
    return UnknownBatchError(
        f"There is no record of {which} yet: run a batch to its end, or see batch-ai status."
    )


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
    from batch_ai_assets.engine.reporting.trends import trend_words

    said = [("protects", check.meaning), ("found", check.found), ("bar", check.bar)]
    if trend is not None and (words := trend_words(trend)):
        said.append(("trend", words))
    if check.todo:
        said.append(("do", check.todo))
    return said
