"""`batch-ai`: the command line. Each command fetches, calls the engine, and prints.

What a command does lives in the engine; here are its words, its options and its exit code (0 all
well, 1 a problem that the output explains, 2 wrong usage, 130 stopped by Ctrl-C). Every import
that costs time stands inside the command that needs it, so that `batch-ai --help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch_ai_assets.commands.alerts import alerts
from batch_ai_assets.commands.approve import approve
from batch_ai_assets.commands.checks import checks
from batch_ai_assets.commands.costs import costs
from batch_ai_assets.commands.ctrl_c import remember_ctrl_c
from batch_ai_assets.commands.dbt import dbt
from batch_ai_assets.commands.demo import demo
from batch_ai_assets.commands.dlq import dlq
from batch_ai_assets.commands.drill import drill
from batch_ai_assets.commands.estimate import estimate
from batch_ai_assets.commands.fsck import fsck
from batch_ai_assets.commands.governance import governance
from batch_ai_assets.commands.metrics import metrics
from batch_ai_assets.commands.orders import cancel, pause, resume
from batch_ai_assets.commands.review import review
from batch_ai_assets.commands.run import run
from batch_ai_assets.commands.slo import slo
from batch_ai_assets.commands.sql import sql
from batch_ai_assets.commands.status import status
from batch_ai_assets.commands.streams import NO_ROOM, close_output, is_text
from batch_ai_assets.commands.ui import ui
from batch_ai_assets.commands.watch import watch
from batch_ai_assets.engine.errors import BatchAIError
from batch_ai_assets.local_provider.command import local_provider

if TYPE_CHECKING:
    from batch_ai_assets.engine.spec.registry import Registry


class _Commands(click.Group):
    """Shows the platform's own errors as messages; anything else is a defect, with its trace."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What is typed goes to records and messages: it must be text."""
        for one in args:
            if not is_text(one):
                raise click.UsageError(f"{one!r} is not UTF-8 text; write it in UTF-8.")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        remember_ctrl_c()
        try:
            return super().invoke(ctx)
        except BatchAIError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            close_output()
            said = f"The output cannot be written: {error.strerror}."
            raise click.ClickException(said) from error
        except KeyboardInterrupt:
            click.echo("Stopped by Ctrl-C.", err=True)
            ctx.exit(130)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"batch-ai {version('batch-ai-assets')}")
    except PackageNotFoundError:
        click.echo("batch-ai, from a checkout that is not installed")
    ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Batch AI jobs: every document of a batch to exactly one end.

    Jobs are folders in the registry (BATCH_AI_REGISTRY, else the package's own); what runs write
    lies in the home (BATCH_AI_HOME, else .batch-ai here).
    """


@main.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
def validate(jobs: tuple[str, ...]) -> None:
    """Check the job files of the registry, or of the named jobs.

    Every problem is listed with its file, its line and what would be right. Exit code 1 if there
    is one.
    """
    registry = _registry()
    wanted = set(jobs) or {*registry.jobs, *(broken.name for broken in registry.broken)}
    known = {*registry.jobs, *(broken.name for broken in registry.broken)}
    for name in sorted(wanted - known):
        registry.job(name)
    broken = [entry for entry in registry.broken if entry.name in wanted]
    click.echo(f"Registry {registry.folder}")
    for name in sorted(wanted & set(registry.jobs)):
        job = registry.jobs[name]
        click.echo(
            f"{_mark('ok', 'green')} {name}: {job.spec.model.provider}/{job.spec.model.name},"
            f" {job.spec.batches.cadence}, spec {job.spec_hash()[:12]}"
        )
    for entry in broken:
        click.echo(f"{_mark('broken', 'red')} {entry.name}")
        for line in entry.message.splitlines():
            click.echo(f"         {line}")
    click.echo(_sum(len(wanted) - len(broken), len(broken)))
    if broken:
        raise SystemExit(1)


@main.command("new-job")
@click.argument("name")
def new_job(name: str) -> None:
    """Write a new job that runs as it is into the registry."""
    from batch_ai_assets.commands.program import command
    from batch_ai_assets.engine.spec.new_job import write_new_job
    from batch_ai_assets.settings import settings

    folder = write_new_job(settings().registry, name)
    settings().prepare_home()
    inbox = settings().inbox / name
    inbox.mkdir(exist_ok=True)
    click.echo(f"{folder} is written. Next:")
    click.echo(f"  1. put text files (*.txt) into {inbox}")
    click.echo(f"  2. change {folder}/job.yaml, prompt.md and examples.yaml to your task")
    click.echo(f"  3. {command('validate', name)}")
    click.echo(f"  4. {command('run', name)}")


@main.command("job-schema")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead, for example job.schema.json in your registry.",
)
def job_schema(output: Path | None) -> None:
    """Print the JSON Schema of job.yaml, for editors."""
    from batch_ai_assets.engine.spec.job_schema import job_schema_text

    if output is None:
        click.echo(job_schema_text(), nl=False)
        return
    try:
        output.write_text(job_schema_text(), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}.") from error
    click.echo(f"{output} is written.")


def _registry() -> Registry:
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    return load_registry(settings().registry)


def _mark(word: str, colour: str) -> str:
    return click.style(f"{word:<8}", fg=colour)


def _sum(sound: int, broken: int) -> str:
    said = f"{sound} sound, {broken} broken."
    return said if sound + broken else "It holds no job yet: batch-ai new-job NAME makes one."


for one in (
    run, estimate, status, approve, pause, resume, cancel, alerts, watch, metrics, slo, checks,
    governance, costs, dbt, dlq, review, sql, fsck, demo, ui, local_provider, drill,
):  # fmt: skip
    main.add_command(one)


if __name__ == "__main__":
    main()
