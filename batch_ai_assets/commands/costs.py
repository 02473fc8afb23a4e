"""`batch-ai costs`: what a month cost, what for, and where it is heading."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.decide import job_named
from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from rich.console import Console

    from batch_ai_assets.engine.reporting.costs import CostRecord
    from batch_ai_assets.engine.reporting.costs_wording import Table

_WIDTH = 100
_BAR = 8


@click.command("costs")
@click.argument("month", required=False)
@click.option("--job", help="Of this job alone.")
@click.option(
    "--output", "page", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page with its plots to this file, too.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
def costs(month: str | None, job: str | None, page: Path | None, as_json: bool) -> None:
    """Show what MONTH (UTC, such as 2026-11; this one by default) cost: by job, provider, model
    and outcome, what was saved, and what it will have cost at its end."""
    if job is not None:
        job_named(job)
    record = _record(month or f"{datetime.now(UTC):%Y-%m}", job)
    if page is not None:
        _write(record, page)
    if as_json:
        click.echo(record.to_json().decode(), nl=False)
        return
    _print(record)
    if page is not None:
        output().print(f"page      {page}", markup=False)


def _record(month: str, job: str | None) -> CostRecord:
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.capping import caps_of
    from batch_ai_assets.engine.costs import add_up
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    caps = caps_of(load_registry(settings().registry, prove_rules=False).jobs.values())
    with open_deps() as deps:
        try:
            return add_up(deps.store, month, caps, job=job)
        except ValueError as error:
            raise click.BadParameter(f"{month!r} is no month; write 2026-11.") from error


def _write(record: CostRecord, page: Path) -> None:
    from batch_ai_assets.engine.reporting.html import render_costs

    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render_costs(record), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{page} cannot be written: {error.strerror}.") from error


def _print(record: CostRecord) -> None:
    from batch_ai_assets.engine.reporting.costs_wording import headline, spending_by_day, tables

    console = output()
    console.width = min(_WIDTH, console.width)
    first, *more = headline(record)
    _say(console, f"{record.title}: {first}", "bold")
    for line in filter(None, (*more, spending_by_day(record))):
        _say(console, f"  {line}")
    for line in record.warnings:
        _say(console, f"WARN {line}", "yellow")
    for table in tables(record):
        _tell(console, table)


def _tell(console: Console, table: Table) -> None:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    from batch_ai_assets.engine.reporting.plots import text_bar

    grid = Grid(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(table.heads):
        justify = "right" if place in table.right else "left"
        grid.add_column(head, justify=justify, overflow="fold")  # type: ignore[arg-type]
    bars = [text_bar(share, _BAR) for share in table.shares]
    if bars:
        grid.add_column("", no_wrap=True)
    for place, row in enumerate(table.rows):
        grid.add_row(*map(Text, row), *bars[place : place + 1])
    console.print(grid, soft_wrap=False)


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(line, style=style or None, markup=False, soft_wrap=False)
