"""`batch-ai pause`, `resume` and `cancel`: what a person orders of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import click

from batch_ai_assets.commands.decide import by_option, job_named
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.program import command

_reason_option = click.option("--reason", default="", help="Why, for the record.")


def _order(kind: str, job: str, batch: str, reason: str, by: str | None) -> None:
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.deps import Run
    from batch_ai_assets.engine.order import OrderKind
    from batch_ai_assets.engine.ordering import order

    with open_deps() as deps:
        run = Run(str(uuid4()), person(by))
        done = order(job_named(job), batch, OrderKind(kind), run, deps, why=reason)
    click.echo(done.said)
    if done.waits_for_run:
        click.echo(
            "The sensor `resumes` starts it within half a minute while the daemon runs; else: "
            + command("run", job, "--batch", batch)
        )


def _command(name: str, words: str) -> click.Command:
    def body(job: str, batch: str, reason: str, by: str | None) -> None:
        _order(name, job, batch, reason, by)

    body.__doc__ = words
    made: Callable[..., Any] = body
    for option in (
        by_option, _reason_option, click.argument("batch"), click.argument("job"),
    ):  # fmt: skip
        made = option(made)
    return click.command(name)(made)


pause = _command(
    "pause",
    "Stop a batch of JOB, keeping all that was answered, until it is told to go on.\n\n"
    "A run at work stops within seconds, and ends well; calls in flight are waited for.",
)
resume = _command("resume", "Let a batch of JOB go on that was paused or has halted.")
cancel = _command(
    "cancel",
    "Give a batch of JOB up: what is pending is never asked.\n\n"
    "What was answered stays in the state store and serves later batches. Nothing is released.",
)
