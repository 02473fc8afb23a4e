"""`batch-ai status`: every batch at a glance, or the batches of one job with their history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from batch_ai_assets.engine.state.rows import BatchRow


@click.command("status")
@click.argument("job", required=False)
@click.option("--limit", default=20, show_default=True, help="Show so many batches, newest first.")
def status(job: str | None, limit: int) -> None:
    """Show where every batch stands, or every batch of JOB."""
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        rows = deps.store.overview(job)
    if not rows:
        of_job = f" of {job}" if job else ""
        click.echo(f"There is no batch{of_job} yet. batch-ai run {job or 'JOB'} makes one.")
        return
    for row in rows[:limit]:
        _tell(row)
    if len(rows) > limit:
        click.echo(f"Older ones: {len(rows) - limit:,}; --limit shows more.")


def _tell(row: BatchRow) -> None:
    """Three lines at most: where it stands, the equation, and why it stopped."""
    from batch_ai_assets.engine.reporting.wording import state_words

    changed = datetime.fromtimestamp(row.updated_at, UTC)
    state = state_words(row.state) + (f" ({row.reason})" if row.reason else "")
    click.echo(
        f"{click.style(f'{row.job}/{row.batch}', bold=True)}  v{row.version}  {state}"
        f"  {changed:%Y-%m-%d %H:%M:%S} UTC  {row.cost_usd:,.4f} USD"
    )
    click.echo(f"    {row.conservation.line()}")
    if row.holder:
        click.echo(f"    held by {row.holder}")
    if row.message and row.state not in ("completed", "completed_with_dead_letters"):
        click.echo(f"    {row.message}")
