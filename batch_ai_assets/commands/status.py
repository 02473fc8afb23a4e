"""`batch-ai status`: every batch at a glance, or the batches of one job with their history."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.history import history_lines
from batch_ai_assets.commands.program import command

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.glances import Glance
    from batch_ai_assets.engine.spec.batches import BatchesSpec
    from batch_ai_assets.engine.spec.resolved import ResolvedJob
    from batch_ai_assets.engine.state.rows import BatchRow, OpenDecisions

_LOOK_SECONDS = 5.0
"""For looking at the files of a job."""


@click.command("status")
@click.argument("job", required=False)
@click.argument("batch", required=False)
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True,
    help="Show so many batches, newest first.",
)  # fmt: skip
@click.option("--watch", is_flag=True, help="Draw it anew every two seconds, until Ctrl-C.")
def status(job: str | None, batch: str | None, limit: int, watch: bool) -> None:
    """Show where every batch stands, or every batch of JOB and what comes next, or the life of one
    BATCH so far."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.glances import glance

    with open_deps() as deps:
        if watch:
            _watch(job, limit, deps)
            return
        rows = deps.store.overview(job, batch)
        seen = [glance(row, deps) for row in rows[:limit]]
        history = list(history_lines(job, batch, deps)) if job and batch else []
        named = job is not None and batch is None
        ahead = list(_ahead(job, deps, {row.batch for row in rows})) if job and named else []
        decided = {
            name: deps.store.decisions.not_carried_out(name)
            for name in {row.job for row in rows[:limit]}
        }
    for line in ahead:
        click.echo(line)
    if not rows and batch:
        raise click.ClickException(f"There is no batch {job}/{batch}: batch-ai status {job}")
    if not rows:
        of_job = f" of {job}" if job else ""
        click.echo(f"There is no batch{of_job} yet. batch-ai run {job or 'JOB'} makes one.")
        return
    for row, one in zip(rows, seen, strict=False):
        _tell(row, one)
        _tell_decided(row, decided[row.job].get(row.batch))
    for line in history:
        click.echo(line)
    if len(rows) > limit:
        click.echo(f"Older ones: {len(rows) - limit:,}; --limit shows more.")


def _watch(job: str | None, limit: int, deps: Deps) -> None:
    from batch_ai_assets.commands.status_table import drawn, watch
    from batch_ai_assets.commands.streams import output

    watch(lambda: drawn(job, limit, deps), output())


def _tell(row: BatchRow, seen: Glance) -> None:
    """Where it stands, the equation, what the provider's cache saved, why it stopped."""
    from batch_ai_assets.engine.reporting.wording import state_words, usd

    changed = datetime.fromtimestamp(row.updated_at, UTC)
    state = state_words(row.state) + (f" ({row.reason})" if row.reason else "")
    in_all = f" ({row.cost_usd_all_versions:,.4f} in all versions)" if row.version > 1 else ""
    click.echo(
        f"{click.style(f'{row.job}/{row.batch}', bold=True)}  v{row.version}  {state}"
        f"  {changed:%Y-%m-%d %H:%M:%S} UTC  {row.cost_usd:,.4f} USD{in_all}"
    )
    click.echo(f"    {row.conservation.line()}")
    if row.version:
        click.echo(f"    {_standing(row, seen)}")
    if row.tokens_cached:
        saved = f", which saved {usd(row.cache_saved_usd)}" if row.cache_saved_usd else ""
        click.echo(f"    {row.tokens_cached:,} input tokens cached by the provider{saved}")
    if row.holder:
        click.echo(f"    held by {row.holder}")
    if row.message and row.state not in ("completed", "completed_with_dead_letters"):
        click.echo(f"    {row.message}")


def _standing(row: BatchRow, seen: Glance) -> str:
    """How far it is, of its documents, its budget and its time."""
    from batch_ai_assets.engine.reporting.wording import duration, usd

    said = [f"{seen.percent:.0f} % done"]
    if seen.eta_seconds is not None:
        said.append(f"about {duration(seen.eta_seconds)} left")
    used = seen.used(row)
    if used is not None:
        limit = f"{seen.limit_tokens:,} tokens" if seen.limit_usd is None else usd(seen.limit_usd)
        said.append(f"{used:.1%} of its budget of {limit}")
    if seen.deadline_at is not None:
        said.append(f"due {datetime.fromtimestamp(seen.deadline_at, UTC):%Y-%m-%d %H:%M} UTC")
    return ", ".join(said)


def _tell_decided(row: BatchRow, decided: OpenDecisions | None) -> None:
    """What people have decided and no version has carried out yet."""
    if decided is None:
        return
    waits = "decision waits" if decided.items == 1 else "decisions wait"
    run = command("run", row.job, "--batch", row.batch)
    click.echo(f"    {decided.items:,} {waits} for the next version: {run}")


def _ahead(name: str, deps: Deps, begun: Container[str]) -> Iterator[str]:
    """What the job will run by itself; nothing where it does not, or cannot be loaded.

    begun: batches that are shown anyway.
    """
    from batch_ai_assets.engine.deadlines import growth_of
    from batch_ai_assets.engine.errors import SpecError
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    try:
        job = load_registry(settings().registry, prove_rules=False).job(name)
    except SpecError:
        return
    batches, now = job.spec.batches, datetime.now(UTC)
    if (growth := growth_of(job, deps.store)) is not None:
        yield f"growth: {growth.words}"
    if job.upstream is not None:
        yield _after(job)
        return
    if batches.timed:
        yield _next_window(batches, now)
    elif batches.cadence == "on_arrival":
        yield from _arriving(job, deps, now, begun)
    yield from _left(job, deps, now)


def _after(job: ResolvedJob) -> str:
    """How a batch of a job that reads another one's results comes about."""
    if job.spec.batches.cadence != "manual":
        return f"next: what {job.upstream} releases"
    return (
        f"next: nothing by itself, since {job.upstream} is run by hand. `batch-ai run {job.name}`"
        f" takes what it released last; or turn on {job.name}__chain under Automation in the UI"
    )


def _arriving(job: ResolvedJob, deps: Deps, now: datetime, begun: Container[str]) -> Iterator[str]:
    """What waits for a batch, and batches that wait for a run."""
    from batch_ai_assets.engine.control.trigger import Signals, counted, decide

    arrivals = deps.store.arrivals
    waiting = arrivals.waiting(job.name)
    yield "next: " + decide(waiting, job.spec.batches, now.timestamp(), Signals()).why
    for batch in arrivals.unstarted(job.name, now.timestamp()):
        if batch not in begun:
            files = counted(len(arrivals.of(job.name, batch)), "file")
            yield f"{job.name}/{batch}  {files} claimed, its run has not begun yet"


def _left(job: ResolvedJob, deps: Deps, now: datetime) -> list[str]:
    """Which files no batch would take just now, and why."""
    from batch_ai_assets.engine.errors import IntakeError
    from batch_ai_assets.engine.intake.left_alone import left_alone
    from batch_ai_assets.partitions import next_batch_key

    batches = job.spec.batches
    key = next_batch_key(job.spec, now) if batches.timed else "next"
    stop = time.monotonic() + _LOOK_SECONDS
    try:
        found = left_alone(job, key, deps.home, lambda: time.monotonic() > stop)
    except IntakeError:
        return []  # the place is not there: a run says so
    return found.words(job.spec.input, on_arrival=batches.cadence == "on_arrival")


def _next_window(batches: BatchesSpec, now: datetime) -> str:
    from zoneinfo import ZoneInfo

    from batch_ai_assets.engine.spec.windows import key_of, next_due, starts_at

    window = next_due(batches, now)
    due = starts_at(batches, window).astimezone(ZoneInfo(batches.timezone))
    hours = batches.start_window
    later = f", within {hours.since} to {hours.until}" if hours else ""
    return f"next: {key_of(batches, window)}, due {due:%Y-%m-%d %H:%M} {batches.timezone}{later}"
