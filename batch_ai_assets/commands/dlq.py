"""`batch-ai dlq`: documents that ended without a result, and the whole story of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.streams import output
from batch_ai_assets.engine.errors import SpecError

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import Attempt, DeadLetterRow

_OUTCOMES = {
    "answered": "answered",
    "from_store": "served by a stored answer",
    "transient": "the provider failed; tried again",
    "invalid": "the answer was not usable; asked again",
    "dead": "failed for good",
}


@click.group("dlq")
def dlq() -> None:
    """See which documents ended dead, and why."""


@dlq.command("list")
@click.argument("job")
@click.argument("batch", required=False)
@click.option("--limit", default=50, show_default=True, help="Name so many documents.")
def dlq_list(job: str, batch: str | None, limit: int) -> None:
    """Count the dead letters of JOB, or of one BATCH, by reason; then name them."""
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch)
    if not letters:
        click.echo(f"There is no dead letter in {job}{'/' + batch if batch else ''}.")
        return
    groups = _by_reason(letters)
    _print_counts(groups)
    click.echo()
    _print_letters([letter for group in groups.values() for letter in group][:limit])
    if len(letters) > limit:
        click.echo(f"{len(letters) - limit:,} more; --limit shows them.")
    click.echo(f"\nThe story of one: batch-ai dlq show {job} BATCH ITEM")


def _by_reason(letters: Sequence[DeadLetterRow]) -> dict[str, list[DeadLetterRow]]:
    """The letters by reason, the most frequent one first."""
    groups: dict[str, list[DeadLetterRow]] = defaultdict(list)
    for letter in letters:
        groups[letter.reason].append(letter)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


def _print_counts(groups: dict[str, list[DeadLetterRow]]) -> None:
    from batch_ai_assets.engine.reporting.wording import reason_words

    counts = [
        (reason, f"{len(letters):,}", reason_words(reason)) for reason, letters in groups.items()
    ]
    _print_columns(("reason", "count", "what it means"), counts)


def _print_letters(letters: Sequence[DeadLetterRow]) -> None:
    rows = [
        (
            letter.reason,
            letter.batch,
            letter.item_id,
            str(letter.attempts),
            _time(letter.last_at),
            letter.message,
        )
        for letter in letters
    ]
    _print_columns(("reason", "batch", "item", "attempts", "ended dead (UTC)", "message"), rows)


def _print_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name in ("count", "attempts") else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    output().print(table)


@dlq.command("show")
@click.argument("job")
@click.argument("batch")
@click.argument("item")
@click.option("--payload", is_flag=True, help="Open the sealed document, too. This is recorded.")
def dlq_show(job: str, batch: str, item: str, payload: bool) -> None:
    """Show the whole story of one dead letter, and what can be done about it."""
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch, item_id=item)
        if not letters:
            raise SpecError(
                f"{item!r} is not a dead letter of {job}/{batch}."
                f" batch-ai dlq list {job} {batch} shows which there are."
            )
        for letter in letters:
            _tell(letter, deps.store.letters.attempts(letter))
            if payload:
                _open_payload(letter, deps)


def _tell(letter: DeadLetterRow, attempts: Sequence[Attempt]) -> None:
    from batch_ai_assets.commands.dead_letter_remedy import remedy
    from batch_ai_assets.engine.reporting.wording import reason_words

    meaning = reason_words(letter.reason)
    for name, value in (
        ("item", f"{letter.job}/{letter.batch}/{letter.item_id} (version {letter.version})"),
        ("reason", letter.reason + (f": {meaning}" if meaning else "")),
        ("message", letter.message),
        ("ended dead", f"{_time(letter.first_at)} UTC"),
        ("status", letter.status),
        ("request", letter.request_hash.hex()),
        *_told(attempts),
        ("next", remedy(letter)),
    ):
        click.echo(f"{name:<12}{value}")


def _told(attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    """Every attempt under its number."""
    told = [(f"attempt {one.number}", _attempt_words(one)) for one in attempts]
    return told or [("attempts", "none: it was never sent")]


def _attempt_words(attempt: Attempt) -> str:
    said = f"{_time(attempt.at)} UTC  {_OUTCOMES[attempt.status]}"
    if attempt.tokens:
        said += f"  ({attempt.tokens:,} tokens, {attempt.cost_usd:.6f} USD)"
    return said


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
