"""What a person decided, from the command line into the record, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from batch_ai_assets.commands.columns import in_line
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.program import command

if TYPE_CHECKING:
    from batch_ai_assets.engine.spec.resolved import ResolvedJob
    from batch_ai_assets.engine.state.rows import Kind


F = TypeVar("F", bound=Callable[..., Any])


def job_named(name: str) -> ResolvedJob:
    """The job of the registry; a word that names none is wrong usage."""
    from batch_ai_assets.engine.errors import SpecError
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.settings import settings

    registry = load_registry(settings().registry)
    try:
        return registry.job(name)
    except SpecError as error:
        if any(broken.name == name for broken in registry.broken):
            raise
        raise click.UsageError(str(error)) from error


def _named(_context: click.Context, _option: click.Parameter, by: str | None) -> str | None:
    if by is not None and not by.strip():
        raise click.BadParameter("it is empty: say who decides.")
    return by


by_option = click.option(
    "--by", metavar="NAME", callback=_named,
    help="Who decides, for the record; else the user of this machine.",
)  # fmt: skip
"""Of every command that records a decision."""


def about_documents(command: F) -> F:
    """The arguments of a decision: JOB BATCH, and ids, `--reason` or `--all`."""
    arguments = (
        click.argument("job"),
        click.argument("batch"),
        click.argument("items", nargs=-1, metavar="[ITEM]..."),
        click.option(
            "--reason", "reasons", multiple=True, metavar="REASON",
            help="All that wait for this reason; may be repeated.",
        ),
        click.option("--all", "all_of_them", is_flag=True, help="All of the batch that wait."),
        by_option,
    )
    for argument in reversed(arguments):
        command = argument(command)
    return command


def decide(
    job: str,
    batch: str,
    kind: Kind,
    why: str,
    *,
    items: Sequence[str],
    reasons: Sequence[str],
    all_of_them: bool,
    by: str | None,
) -> None:
    """Record one decision about the documents of `about_documents`, and say what it means."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.deciding import decide as record

    named = bool(items) + bool(reasons) + all_of_them
    if named > 1:
        raise click.UsageError("Ids, --reason and --all exclude each other: say one of them.")
    if not named:
        raise click.UsageError(
            "Say which documents: their ids, --reason for all that wait for one reason (it may be"
            " repeated), or --all."
        )
    found = job_named(job)
    with open_deps() as deps:
        decided = record(
            found, batch, kind, deps, who=person(by), why=why, items=items, reasons=reasons
        )
    click.echo(in_line(decided.said))


def tell_next(job: str, batch: str) -> None:
    """How the decisions become the next version."""
    run = command("run", job, "--batch", batch)
    click.echo(f"Once all is decided, {run} makes the next version of the batch.")
