"""`batch-ai approve`: a person allows a batch more than its job does."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from batch_ai_assets.commands.decide import by_option, job_named
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.program import command


@click.command("approve")
@click.argument("job")
@click.argument("batch")
@click.option("--limit-usd", type=click.FloatRange(0, min_open=True), help="It may spend so much.")
@click.option("--limit-tokens", type=click.IntRange(1), help="It may use so many tokens.")
@click.option(
    "--deadline", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    help="It may take until then (UTC), for example 2026-11-30T09:00.",
)
@click.option("--reason", required=True, help="Why, for the record.")
@by_option
def approve(
    job: str,
    batch: str,
    limit_usd: float | None,
    limit_tokens: int | None,
    deadline: datetime | None,
    reason: str,
    by: str | None,
) -> None:
    """Let a batch of JOB that waits for it, or has halted at its budget, go on.

    The limits are those of the whole version, what is spent already included.
    """
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.approving import approve as record

    until = None if deadline is None else deadline.replace(tzinfo=UTC).timestamp()
    with open_deps() as deps:
        said = record(
            job_named(job), batch, deps, who=person(by), why=reason, limit_usd=limit_usd,
            limit_tokens=limit_tokens, deadline_at=until,
        )  # fmt: skip
    click.echo(said)
    click.echo(
        "The sensor `resumes` starts it within half a minute while the daemon runs; else: "
        + command("run", job, "--batch", batch)
    )
