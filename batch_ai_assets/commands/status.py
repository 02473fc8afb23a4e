"""`batch-ai status`: every batch at a glance, or the batches of one job with their history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from batch_ai_assets.engine.state.rows import BatchRow


@click.command("status")
@click.argument("job", required=False)
@click.option("--limit", default=20, show_default=True, help="Show so many batches, newest first.")
def status(job: str | None, limit: int) -> None:
    """Show where every batch stands, or every batch of JOB."""
    from rich.table import Table

    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        rows = deps.store.overview(job)
    if not rows:
        of_job = f" of {job}" if job else ""
        click.echo(f"There is no batch{of_job} yet. batch-ai run {job or 'JOB'} makes one.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("job", "batch", "version", "state", "changed (UTC)", "USD", "items"):
        table.add_column(name, no_wrap=True)
    for row in rows[:limit]:
        table.add_row(*_cells(row))
    output().print(table)
    for row in rows[:limit]:
        if row.message and row.state in ("halted", "failed", "interrupted", "paused"):
            output().print(f"{row.job}/{row.batch}: {row.message}", markup=False)
    if len(rows) > limit:
        click.echo(f"{len(rows) - limit} older batches; --limit shows more.")


def _cells(row: BatchRow) -> tuple[str, ...]:
    state = f"{row.state}: {row.reason}" if row.reason else row.state
    if row.holder:
        state = f"{state} (held by {row.holder})"
    changed = datetime.fromtimestamp(row.updated_at, UTC)
    return (
        row.job,
        row.batch,
        f"v{row.version}" if row.version else "-",
        state,
        f"{changed:%Y-%m-%d %H:%M:%S}",
        f"{row.cost_usd:,.4f}",
        row.conservation.line(),
    )
