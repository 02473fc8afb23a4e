"""`batch-ai run`: one batch of a job, from its documents to its completion report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import errors, output
from batch_ai_assets.engine.errors import SpecError

if TYPE_CHECKING:
    from batch_ai_assets.engine.spec.registry import Registry
    from batch_ai_assets.engine.spec.resolved import ResolvedJob


@click.command("run")
@click.argument("job")
@click.option("--batch", metavar="KEY", help="The batch; else the last closed day or a new one.")
@click.option("--reprocess", is_flag=True, help="Plan a new version; stored answers serve it.")
@click.option("--fresh", is_flag=True, help="Plan a new version and ask the provider again.")
@click.option("--verbose", is_flag=True, help="Show Dagster's log.")
@click.pass_context
def run(
    context: click.Context,
    job: str,
    batch: str | None,
    reprocess: bool,
    fresh: bool,
    verbose: bool,
) -> None:
    """Run one batch of JOB and print its completion report.

    A batch that was stopped goes on where it was; nothing is paid for twice. Exit code 0: completed
    (dead letters are an end, too), 1: halted or failed, 130: interrupted.
    """
    if reprocess and fresh:
        raise click.UsageError("--reprocess and --fresh exclude each other: say one of them.")
    from batch_ai_assets.settings import settings

    mode = "fresh" if fresh else "reprocess" if reprocess else "resume"
    context.exit(run_and_report(settings().registry, job, batch, mode, verbose))


def run_and_report(
    folder: Path, name: str, batch: str | None, mode: str = "resume", verbose: bool = False
) -> int:
    """Run a job of the registry in `folder`, print the summary, and return the exit code."""
    from batch_ai_assets.commands.dagster_run import Ending, run_batch_in_process
    from batch_ai_assets.commands.progress_bar import shown_progress
    from batch_ai_assets.commands.spoken_events import spoken_events
    from batch_ai_assets.commands.summary import print_summary
    from batch_ai_assets.engine.spec.registry import load_registry

    registry = load_registry(folder)
    job, key = _wanted(registry, name, batch)
    talk = errors()
    with (
        spoken_events(lambda line: talk.print(line, markup=False)),
        shown_progress(talk) as progress,
    ):
        outcome = run_batch_in_process(registry, job, key, mode, progress, verbose)
    print_summary(outcome, folder, output())
    return {Ending.COMPLETED: 0, Ending.STOPPED: 1, Ending.INTERRUPTED: 130}[outcome.ending]


def _wanted(registry: Registry, name: str, batch: str | None) -> tuple[ResolvedJob, str]:
    """The job and the batch key. A word that was mistyped is wrong usage, a broken job is not."""
    from batch_ai_assets.partitions import checked_batch_key, default_batch_key

    now = datetime.now(UTC)
    try:
        job = registry.job(name)
        key = checked_batch_key(job.spec, batch, now) if batch else default_batch_key(job.spec, now)
    except SpecError as error:
        if any(broken.name == name for broken in registry.broken):
            raise
        raise click.UsageError(str(error)) from error
    return job, key
