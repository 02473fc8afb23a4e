"""`batch-ai governance`: one page of every check, release and decision of a batch or a month."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.decide import job_named
from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.reporting.governance import GovernanceRecord


@click.command("governance")
@click.argument("job", required=False)
@click.argument("batch", required=False)
@click.option("--month", help="The month to show, such as 2026-11, in UTC; this one by default.")
@click.option(
    "--output", "page", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the page; below the home by default.",
)  # fmt: skip
def governance(job: str | None, batch: str | None, month: str | None, page: Path | None) -> None:
    """Write a page of every check, release and decision: of all jobs or JOB in a month, or of a
    BATCH of JOB from its beginning."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.errors import UnknownBatchError
    from batch_ai_assets.engine.reporting.html import render_governance
    from batch_ai_assets.settings import settings

    if batch is not None and month is not None:
        raise click.UsageError("A batch is shown from its beginning: name it, or a month.")
    if job is not None:
        job_named(job)
    with open_deps() as deps:
        record = _record(deps, job, batch, month)
    if batch is not None and not record.jobs:
        raise UnknownBatchError(
            f"There is no record of {job}/{batch} yet: run it to its end, or see batch-ai status."
        )
    page = page or settings().home / "governance" / f"{record.title.replace('/', '-')}.html"
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render_governance(record), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{page} cannot be written: {error.strerror}.") from error
    _print(record, page)


def _record(
    deps: Deps, job: str | None, batch: str | None, month: str | None
) -> GovernanceRecord:
    from batch_ai_assets.engine.governance import month_of, oversee

    if batch is not None:
        return oversee(deps.store, f"{job}/{batch}", job=job, batch=batch)
    name = month or f"{datetime.now(UTC):%Y-%m}"
    try:
        since, until = month_of(name)
    except ValueError as error:
        raise click.BadParameter(f"{name!r} is no month; write 2026-11.") from error
    return oversee(deps.store, f"{job}/{name}" if job else name, since, until, job=job)


def _print(record: GovernanceRecord, page: Path) -> None:
    from batch_ai_assets.engine.figures import counted

    console = output()
    batches = [batch for _, batch in record.batches()]
    decided = sum(one.items for batch in batches for one in batch.decisions)
    console.print(
        f"{record.title}: {counted(len(batches), 'batch', 'batches')}, "
        f"{counted(record.errors, 'error')}, {counted(record.warnings, 'warning')}, "
        f"{counted(decided, 'decision')}",
        style="bold", markup=False,
    )  # fmt: skip
    for line in record.needs_a_person:
        console.print(f"  {line}", markup=False)
    if batches and not record.needs_a_person:
        console.print("  Nothing needs a person.")
    console.print(f"page      {page}", markup=False)
