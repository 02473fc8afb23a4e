"""`batch-ai run`: one batch of a job, from its documents to its completion report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.streams import errors, output
from batch_ai_assets.engine.errors import BatchAIError

if TYPE_CHECKING:
    from rich.console import Console


@click.command("run")
@click.argument("job")
@click.option("--batch", metavar="KEY", help="The batch; else the last that is over, or a new one.")
@click.option("--reprocess", is_flag=True, help="Plan a new version; stored answers serve it.")
@click.option("--reread", is_flag=True, help="The same, of the documents as they are now.")
@click.option("--fresh", is_flag=True, help="Plan a new version and ask the provider again.")
@click.option("--shards", type=click.IntRange(1), help="Plan it in so many parts.")
@click.option("--verbose", is_flag=True, help="Show Dagster's log.")
@click.pass_context
def run(
    context: click.Context,
    job: str,
    batch: str | None,
    reprocess: bool,
    reread: bool,
    fresh: bool,
    shards: int | None,
    verbose: bool,
) -> None:
    """Run one batch of JOB and print its completion report.

    A batch that was stopped goes on where it was; nothing is paid for twice. Exit code 0: completed
    (dead letters are an end, too), 1: halted or failed, 130: interrupted.
    """
    asked = {"reprocess": reprocess, "reread": reread, "fresh": fresh}
    modes = [mode for mode, wanted in asked.items() if wanted]
    if len(modes) > 1:
        said = " and ".join(f"--{mode}" for mode in modes)
        raise click.UsageError(f"{said} exclude each other: say one of them.")
    from batch_ai_assets.settings import settings

    mode = modes[0] if modes else "resume"
    context.exit(run_and_report(settings().registry, job, batch, mode, verbose, shards))


def run_and_report(
    folder: Path,
    name: str,
    batch: str | None,
    mode: str = "resume",
    verbose: bool = False,
    shards: int | None = None,
) -> int:
    """Run a job of the registry in `folder`, print the summary, and return the exit code."""
    from batch_ai_assets.commands.claim import batch_of_arrivals, check_named
    from batch_ai_assets.commands.dagster_run import Ending, run_batch_in_process
    from batch_ai_assets.commands.progress_bar import shown_progress
    from batch_ai_assets.commands.spoken_events import spoken_events
    from batch_ai_assets.commands.summary import print_summary
    from batch_ai_assets.commands.wanted import wanted
    from batch_ai_assets.engine.intake.inbox import has_inbox
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.run_tags import way_to_run

    registry = load_registry(folder)
    job, key = wanted(registry, name, batch)
    talk = errors()
    with spoken_events(lambda line: talk.print(line, markup=False)):
        if batch is not None:
            check_named(job, batch)
        elif has_inbox(job):
            waiting = batch_of_arrivals(job)
            if waiting is None:
                talk.print(f"Nothing is waiting for {name}.")
                return 0
            key = waiting
        with shown_progress(talk) as progress:
            way = way_to_run(mode, shards)
            outcome = run_batch_in_process(registry, job, key, way, progress, verbose)
    print_summary(outcome, folder, output())
    _tell(talk)
    return {Ending.COMPLETED: 0, Ending.STOPPED: 1, Ending.INTERRUPTED: 130}[outcome.ending]


def _tell(talk: Console) -> None:
    """Send alerts at once: there may be no daemon whose sensor does."""
    from batch_ai_assets.alert_delivery import deliver
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.settings import settings

    if not settings().alert_addresses:
        return
    try:
        with open_deps() as deps:
            refused = deliver(deps.store).refused
    except BatchAIError as error:  # the run has ended as it has
        talk.print(f"Alerts were not sent: {error}", markup=False)
        return
    if refused:
        talk.print(
            f"Not every address of BATCH_AI_ALERT_URLS took {refused} of the alerts; "
            "`batch-ai alerts --send` tries again, and so does the sensor `alerts`.",
            markup=False,
        )
