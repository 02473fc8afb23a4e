"""`batch-ai dlq`: documents that ended without a result, and the whole story of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from batch_ai_assets.commands.columns import harmless, print_columns, utc
from batch_ai_assets.commands.decide import about_documents, decide, tell_next
from batch_ai_assets.commands.given_up import (
    decided_lines,
    decisions_on,
    given_up_now,
    print_given_up,
    tell,
    tell_given_up,
    way_back,
)
from batch_ai_assets.commands.letter_export import dlq_export
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.program import command
from batch_ai_assets.commands.wanted import prove_known
from batch_ai_assets.engine.errors import SealError, SpecError
from batch_ai_assets.engine.figures import counted

if TYPE_CHECKING:
    from batch_ai_assets.engine.deadletter.kinds import LetterKind
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import Attempt, DeadLetterRow, Decision

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
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Name so many documents."
)
@click.option("--given-up", is_flag=True, help="Documents that people gave up, in their place.")
def dlq_list(job: str, batch: str | None, limit: int, given_up: bool) -> None:
    """Count the dead letters of JOB, or of one BATCH, by reason and similar message; then name
    them."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.deadletter.kinds import kinds

    if given_up:
        _list_given_up(job, batch, limit)
        return
    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch)
        if not letters:
            prove_known(job, batch, deps)
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
        f" --root-cause TEXT -- [ITEM]...\nGive up: {command('dlq', 'discard', job)} BATCH"
        " --why TEXT -- [ITEM]..."
    )


def _list_given_up(job: str, batch: str | None, limit: int) -> None:
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.given_up import given_up

    with open_deps() as deps:
        found = given_up(job, batch, deps)
        if not found:
            prove_known(job, batch, deps)
    if not found:
        click.echo(f"Nothing of {job}{'/' + batch if batch else ''} is given up.")
        return
    print_given_up(found[:limit])
    if len(found) > limit:
        click.echo(f"{len(found) - limit:,} more; --limit shows them.")
    click.echo(
        f"\nTake it back, and ask again: {command('dlq', 'replay', job)} BATCH"
        " --root-cause TEXT -- ITEM..."
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
    """Show the whole story of one dead letter, and what can be done about it; of a document that
    was given up, who did so, when and why."""
    from batch_ai_assets.connections import open_deps

    with open_deps() as deps:
        decisions = decisions_on(job, batch, item, deps)
        letter = next(iter(deps.store.dead_letters(job, batch, item_id=item)), None)
        gone = given_up_now(job, batch, item, deps) if letter is None else None
        now = "" if letter is not None else _stands(job, batch, item, deps)
        if letter is None:
            letter = deps.store.letters.before(job, batch, item)
        if letter is not None:
            back = way_back(job, batch, item) if gone is not None else ""
            _tell(letter, deps, decisions, now, back)
            if payload:
                _open_payload(letter, deps)
        elif gone is not None:
            tell_given_up(job, gone, decisions)
        else:
            prove_known(job, batch, deps)
            raise SpecError(
                f"{item!r} is not a dead letter of {job}/{batch}{now and f': it is {now}'}."
                f" batch-ai dlq list {job} {batch} shows which there are."
            )


def _stands(job: str, batch: str, item: str, deps: Deps) -> str:
    """`valid in version 3`: where a document is now; empty where the batch has none of this id."""
    plan = deps.store.batches.latest_plan(job, batch)
    end = None if plan is None else deps.store.items.ends_of(plan, [item]).get(item)
    return "" if plan is None or end is None else f"{end} in version {plan.version}"


def _tell(
    letter: DeadLetterRow, deps: Deps, decisions: Sequence[Decision], now: str, back: str
) -> None:
    """`now`: where the document is, of which this was a dead letter in an earlier version; `back`:
    how that is taken back, where it was given up."""
    from batch_ai_assets.commands.dead_letter_remedy import remedy
    from batch_ai_assets.engine.reporting.wording import reason_words

    meaning = reason_words(letter.reason)
    lines = [
        ("item", f"{letter.job}/{letter.batch}/{letter.item_id} (version {letter.version})"),
        ("reason", letter.reason + (f": {meaning}" if meaning else "")),
        ("message", letter.message),
        ("ended dead", f"{utc(letter.first_at)} UTC"),
        ("status", letter.status),
        ("request", letter.request_hash.hex()),
        *(("before", _in_short(one)) for one in deps.store.letters.earlier(letter)),
        *_told(deps.store.letters.attempts(letter)),
        *decided_lines(decisions),
        *([("now", now)] if now else ()),
        *([("next", back or remedy(letter))] if back or not now else ()),
    ]
    tell(lines)


def _in_short(letter: DeadLetterRow) -> str:
    """A dead letter of an earlier version."""
    attempts = counted(letter.attempts, "attempt")
    ended = f"version {letter.version} ended dead, {utc(letter.first_at)} UTC"
    return f"{ended}, {letter.reason} after {attempts}: {letter.message}"


def _told(attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    """Every attempt under its number."""
    told = [(f"attempt {one.number}", attempt_words(one)) for one in attempts]
    return told or [("attempts", "none: it was never sent")]


def attempt_words(attempt: Attempt) -> str:
    """When it ended, how, and what it cost."""
    said = f"{utc(attempt.at)} UTC  {_OUTCOMES[attempt.status]}"
    if attempt.tokens:
        amount = f"{attempt.tokens:,} tokens, {attempt.cost_usd:.6f} USD"
        if attempt.written_off:
            amount = f"counted as spent, since the provider may have charged it: up to {amount}"
        said += f"  ({amount})"
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
            try:
                content = deps.sealer.open(sealed, context)
            except SealError as error:
                whose = f"The {name} of {letter.item_id!r}"
                raise SealError(f"{whose} does not open. {error}") from error
            click.echo(name)
            click.echo(harmless(content.replace(b"\r\n", b"\n").rstrip(b"\r\n")))


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


dlq.add_command(dlq_export)
