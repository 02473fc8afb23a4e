"""`batch-ai status`: every batch at a glance, or the batches of one job with their history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.spec.batches import BatchesSpec
    from batch_ai_assets.engine.state.rows import BatchRow


@click.command("status")
@click.argument("job", required=False)
@click.option("--limit", default=20, show_default=True, help="Show so many batches, newest first.")
def status(job: str | None, limit: int) -> None:
    """Show where every batch stands, or every batch of JOB and what comes next."""
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        rows = deps.store.overview(job)
        ahead = _ahead(job, deps) if job else ""
    if ahead:
        click.echo(ahead)
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


def _ahead(name: str, deps: Deps) -> str:
    """What the job will run by itself; nothing where it does not, or cannot be loaded."""
    from batch_ai_assets.engine.control.trigger import Signals, decide
    from batch_ai_assets.engine.errors import SpecError
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    try:
        job = load_registry(settings().registry, prove_rules=False).job(name)
    except SpecError:
        return ""
    batches, now = job.spec.batches, datetime.now(UTC)
    if job.upstream is not None:
        return f"next: what {job.upstream} releases"
    if batches.timed:
        return _next_window(batches, now)
    if batches.cadence == "on_arrival":
        waiting = deps.store.arrivals.waiting(name)
        return "next: " + decide(waiting, batches, now.timestamp(), Signals()).why
    return ""


def _next_window(batches: BatchesSpec, now: datetime) -> str:
    from zoneinfo import ZoneInfo

    from batch_ai_assets.engine.spec.windows import key_of, starts_at, window_at

    window = window_at(batches, now)
    due = starts_at(batches, window).astimezone(ZoneInfo(batches.timezone))
    hours = batches.start_window
    later = f", within {hours.since} to {hours.until}" if hours else ""
    return f"next: {key_of(batches, window)}, due {due:%Y-%m-%d %H:%M} {batches.timezone}{later}"
