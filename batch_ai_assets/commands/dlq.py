"""`batch-ai dlq`: documents that ended without a result, and the whole story of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.streams import output
from batch_ai_assets.engine.errors import SpecError

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import DeadLetterRow


@click.group("dlq")
def dlq() -> None:
    """See which documents ended dead, and why."""


@dlq.command("list")
@click.argument("job")
@click.argument("batch", required=False)
@click.option("--limit", default=50, show_default=True, help="Show so many.")
def dlq_list(job: str, batch: str | None, limit: int) -> None:
    """List the dead letters of JOB, or of one BATCH."""
    from rich.table import Table
    from rich.text import Text

    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch)
    if not letters:
        click.echo(f"There is no dead letter in {job}{'/' + batch if batch else ''}.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("batch", "item", "reason", "attempts", "last tried (UTC)", "status", "message"):
        table.add_column(name)
    for letter in letters[:limit]:
        cells = (
            letter.batch,
            letter.item_id,
            letter.reason,
            str(letter.attempts),
            _time(letter.last_at),
            letter.status,
            letter.message,
        )
        table.add_row(*(Text(cell) for cell in cells))
    output().print(table)
    if len(letters) > limit:
        click.echo(f"{len(letters) - limit:,} more; --limit shows them.")


@dlq.command("show")
@click.argument("job")
@click.argument("batch")
@click.argument("item")
@click.option("--payload", is_flag=True, help="Open the sealed document, too. This is recorded.")
def dlq_show(job: str, batch: str, item: str, payload: bool) -> None:
    """Show the whole story of one dead letter."""
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch, item_id=item)
        if not letters:
            raise SpecError(
                f"{item!r} is not a dead letter of {job}/{batch}."
                f" batch-ai dlq list {job} {batch} shows which there are."
            )
        for letter in letters:
            _tell(letter)
            if payload:
                _open_payload(letter, deps)


def _tell(letter: DeadLetterRow) -> None:
    for name, value in (
        ("item", f"{letter.job}/{letter.batch}/{letter.item_id} (version {letter.version})"),
        ("reason", letter.reason),
        ("message", letter.message),
        ("attempts", str(letter.attempts)),
        ("first tried", f"{_time(letter.first_at)} UTC"),
        ("last tried", f"{_time(letter.last_at)} UTC"),
        ("status", letter.status),
        ("request", letter.request_hash.hex()),
    ):
        click.echo(f"{name:<12}{value}")


def _open_payload(letter: DeadLetterRow, deps: Deps) -> None:
    """Write down who opens it, then open it: an unrecorded look must not be possible."""
    from batch_ai_assets.engine.sealing import document_context

    deps.store.batches.note(
        person(), "dead letter opened", letter.job, letter.batch, letter.item_id
    )
    context = document_context(letter.job, letter.batch, letter.item_id)
    for name, sealed in (("document", letter.sealed_payload), ("answer", letter.sealed_answer)):
        if sealed is not None:
            click.echo(name)
            click.echo(_harmless(deps.sealer.open(sealed, context)))


def _harmless(content: bytes) -> str:
    """Text that cannot move the cursor or colour the terminal: a document is never trusted."""
    text = content.decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else repr(letter)[1:-1]
        for letter in text
    )


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
