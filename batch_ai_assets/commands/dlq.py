"""`batch-ai dlq`: documents that ended without a result, and the whole story of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batch_ai_assets.commands.columns import harmless, print_columns, utc
from batch_ai_assets.commands.decide import about_documents, decide, job_named, tell_next
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.program import command
from batch_ai_assets.engine.errors import SpecError

if TYPE_CHECKING:
    from batch_ai_assets.engine.deadletter.kinds import LetterKind
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import Attempt, DeadLetterRow

_OUTCOMES = {
    "answered": "answered",
    "from_store": "served by a stored answer",
    "transient": "the provider failed; tried again",
    "invalid": "the answer was not usable; asked again",
    "split": "asked together with others, and the request came to nothing",
    "part": "a part of it was answered",
    "merged": "the answers to its parts were merged",
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
    """Count the dead letters of JOB, or of one BATCH, by reason and similar message; then name
    them."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.deadletter.kinds import kinds

    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch)
    if not letters:
        click.echo(f"There is no dead letter in {job}{'/' + batch if batch else ''}.")
        return
    found = kinds(letters)
    _print_kinds(found)
    click.echo()
    _print_letters([letter for kind in found for letter in kind.letters][:limit])
    if len(letters) > limit:
        click.echo(f"{len(letters) - limit:,} more; --limit shows them.")
    click.echo(f"\nThe story of one: {command('dlq', 'show', job)} BATCH ITEM")
    click.echo(
        f"Ask again, once the cause is mended: {command('dlq', 'replay', job)} BATCH"
        f" [ITEM]... --root-cause TEXT\nGive up: {command('dlq', 'discard', job)} BATCH"
        " [ITEM]... --why TEXT"
    )


def _print_kinds(found: Sequence[LetterKind]) -> None:
    from batch_ai_assets.engine.reporting.wording import reason_words

    rows = [
        (
            kind.reason,
            f"{len(kind.letters):,}",
            reason_words(kind.reason),
            kind.message,
        )
        for kind in found
    ]
    print_columns(("reason", "count", "what it means", "message"), rows)


def _print_letters(letters: Sequence[DeadLetterRow]) -> None:
    rows = [
        (
            letter.reason,
            letter.batch,
            letter.item_id,
            str(letter.attempts),
            utc(letter.last_at),
            letter.status,
        )
        for letter in letters
    ]
    print_columns(("reason", "batch", "item", "attempts", "last change (UTC)", "status"), rows)


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
        ("ended dead", f"{utc(letter.first_at)} UTC"),
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
    said = f"{utc(attempt.at)} UTC  {_OUTCOMES[attempt.status]}"
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
            click.echo(harmless(deps.sealer.open(sealed, context)))


@dlq.command("replay")
@about_documents
@click.option("--root-cause", required=True, metavar="TEXT", help="What was wrong, and is mended.")
@click.option("--later", is_flag=True, help="Record it; the next run of the batch carries it out.")
@click.pass_context
def dlq_replay(
    context: click.Context, /, job: str, batch: str, root_cause: str, later: bool, **which: Any
) -> None:
    """Ask about dead documents again: the next version of BATCH, now.

    All others keep their answers and their ends, and cost nothing. The decision is recorded with
    the root cause and who made it.
    """
    from batch_ai_assets.commands.run import run_and_report
    from batch_ai_assets.engine.state.rows import Kind
    from batch_ai_assets.settings import settings

    decide(job, batch, Kind.REPLAY, root_cause, **which)
    if later:
        tell_next(job, batch)
        return
    context.exit(run_and_report(settings().registry, job, batch))


@dlq.command("discard")
@about_documents
@click.option("--why", required=True, metavar="TEXT", help="Why they are given up.")
def dlq_discard(job: str, batch: str, why: str, **which: Any) -> None:
    """Give dead documents up. Their record stays; they are not asked about again, here or in a
    later batch, while they are the same."""
    from batch_ai_assets.engine.state.rows import Kind

    decide(job, batch, Kind.DISCARD, why, **which)
    tell_next(job, batch)


@dlq.command("export")
@click.argument("job")
@click.argument("batch")
@click.option(
    "--output", "file", type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file; else to the terminal.",
)  # fmt: skip
@click.option("--payload", is_flag=True, help="With document and answer, opened. This is recorded.")
def dlq_export(job: str, batch: str, file: Path | None, payload: bool) -> None:
    """Write the dead letters of BATCH as JSON, a line each."""
    import orjson

    from batch_ai_assets.connections import open_deps

    job_named(job)
    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch)
        if payload and letters:
            deps.store.batches.note(person(), "dead letters exported with payload", job, batch)
        lines = [orjson.dumps(_record(letter, deps if payload else None)) for letter in letters]
    text = b"".join(line + b"\n" for line in lines)
    if file is None:
        click.echo(text.decode(), nl=False)
        return
    try:
        file.write_bytes(text)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{file} holds {len(lines):,} dead letters.")


def _record(letter: DeadLetterRow, opener: Deps | None) -> dict[str, object]:
    """A letter as it is exported; with its payload where somebody opens it."""
    from batch_ai_assets.engine.sealing import document_context

    record: dict[str, object] = {
        "job": letter.job,
        "batch": letter.batch,
        "version": letter.version,
        "item_id": letter.item_id,
        "reason": letter.reason,
        "message": letter.message,
        "attempts": letter.attempts,
        "status": letter.status,
        "first_at": f"{utc(letter.first_at)}Z",
        "last_at": f"{utc(letter.last_at)}Z",
        "request_hash": letter.request_hash.hex(),
    }
    if opener is None:
        return record
    context = document_context(letter.job, letter.batch, letter.item_id)
    for name, sealed in (("document", letter.sealed_payload), ("answer", letter.sealed_answer)):
        opened = None if sealed is None else opener.sealer.open(sealed, context)
        record[name] = None if opened is None else opened.decode("utf-8", "backslashreplace")
    return record
