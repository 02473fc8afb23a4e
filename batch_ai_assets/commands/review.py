"""`batch-ai review`: answers that wait for a person, and what the person says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from batch_ai_assets.commands.columns import harmless, in_line, print_columns
from batch_ai_assets.commands.decide import (
    about_documents,
    by_option,
    decide,
    job_named,
    tell_next,
)
from batch_ai_assets.commands.given_up import (
    decided_lines,
    decisions_on,
    given_up_now,
    tell,
    tell_given_up,
)
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.program import command
from batch_ai_assets.commands.wanted import prove_known
from batch_ai_assets.commands.written_answer import changes_of, object_of

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.reviews import Review
    from batch_ai_assets.engine.state.rows import Decision

_WIDEST = 60
"""Letters of a value in the list."""


@click.group("review")
def review() -> None:
    """See answers that wait for a person, and decide on them."""


@review.command("list")
@click.argument("job")
@click.argument("batch")
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Show so many."
)
def review_list(job: str, batch: str, limit: int) -> None:
    """Show the answers of BATCH that wait, the least sure ones first."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.reviews import Reviews

    found = job_named(job)
    with open_deps() as deps:
        waiting = Reviews(found, batch, deps)
        if not waiting:
            prove_known(job, batch, deps)
        shown = waiting.first(limit)
    if not waiting:
        click.echo(f"Nothing of {job}/{batch} is in review.")
        return
    rows = [
        (
            one.item_id,
            one.reason,
            "" if one.confidence is None else f"{one.confidence:.3f}",
            one.decided,
            _fields(one),
        )
        for one in shown
    ]
    print_columns(("item", "reason", "confidence", "decided", "answer"), rows, or_blocks=True)
    if len(waiting) > limit:
        click.echo(f"{len(waiting) - limit:,} more; --limit shows them.")
    for words, what in (
        ("show", "-- ITEM               the document and its answer"),
        ("accept", "-- [ITEM]...        the answer is right"),
        ("correct", "--set FIELD=VALUE --why TEXT -- ITEM"),
        ("reject", "--why TEXT -- [ITEM]..."),
    ):
        click.echo(f"{command('review', words, job, batch)} {what}")


def _fields(one: Review) -> str:
    """The answer in one cell."""
    if one.trouble:
        return "(damaged: it does not open)"
    return "  ".join(f"{name}={_cell(value)}" for name, value in one.fields.items())


def _cell(value: object) -> str:
    text = str(value)
    return text if len(text) <= _WIDEST else text[:_WIDEST] + "…"


@review.command("show")
@click.argument("job")
@click.argument("batch")
@click.argument("item")
def review_show(job: str, batch: str, item: str) -> None:
    """Open one document and its answer. Who looks is recorded. Of a document that was given up,
    who did so, when and why."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.reviews import Reviews, opened

    found = job_named(job)
    with open_deps() as deps:
        decisions = decisions_on(job, batch, item, deps)
        one = Reviews(found, batch, deps).of(item)
        if one is None and (gone := given_up_now(job, batch, item, deps)) is not None:
            tell_given_up(job, gone, decisions)
            return
        if one is None:
            raise _not_in_review(job, batch, item, deps)
        deps.store.batches.note(person(), "review opened", job, batch, item)
        _tell(one, decisions)
        click.echo("document")
        click.echo(harmless(opened(found, batch, one, deps)))


def _not_in_review(job: str, batch: str, item: str, deps: Deps) -> Exception:
    from batch_ai_assets.engine.errors import DecisionError

    prove_known(job, batch, deps)
    return DecisionError(
        f"{item!r} is not in review in {job}/{batch}. {command('review', 'list', job, batch)} shows"
        " what is."
    )


def _tell(one: Review, decisions: Sequence[Decision]) -> None:
    sure = "unknown" if one.confidence is None else f"{one.confidence:.3f}"
    tell(
        [
            ("item", one.item_id),
            ("reason", f"{one.reason}, confidence {sure}"),
            *decided_lines(decisions),
            *([("answer", one.trouble)] if one.trouble else ()),
        ]
    )
    for name, value in one.fields.items():
        click.echo(f"{in_line(name):<12}{harmless(str(value).encode('utf-8', 'backslashreplace'))}")


@review.command("accept")
@about_documents
@click.option("--why", default="", metavar="TEXT", help="What others should know.")
def review_accept(job: str, batch: str, why: str, **which: Any) -> None:
    """The answers are right: the next version has them among its results."""
    from batch_ai_assets.engine.state.rows import Kind

    decide(job, batch, Kind.ACCEPT, why, **which)
    tell_next(job, batch)


@review.command("reject")
@about_documents
@click.option("--why", required=True, metavar="TEXT", help="What is wrong with them.")
def review_reject(job: str, batch: str, why: str, **which: Any) -> None:
    """The answers are wrong, and there is no right one: the documents are given up."""
    from batch_ai_assets.engine.state.rows import Kind

    decide(job, batch, Kind.REJECT, why, **which)
    tell_next(job, batch)


@review.command("correct")
@click.argument("job")
@click.argument("batch")
@click.argument("item")
@click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE",
    help="A field of the answer; VALUE is JSON, or plain text for a field of text. The others stay"
    " as they are.",
)  # fmt: skip
@click.option("--answer", metavar="JSON", help="The whole answer, in place of --set.")
@click.option("--why", required=True, metavar="TEXT", help="What was wrong.")
@by_option
def review_correct(
    job: str,
    batch: str,
    item: str,
    changes: tuple[str, ...],
    answer: str | None,
    why: str,
    by: str | None,
) -> None:
    """Write the right answer for one document. It must meet the job's schema, taxonomy and rules;
    the next --set builds on it."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.correcting import correct
    from batch_ai_assets.engine.reviews import Reviews

    if bool(changes) == bool(answer):
        raise click.UsageError("Say --set FIELD=VALUE for what changes, or the whole --answer.")
    found = job_named(job)
    with open_deps() as deps:
        one = Reviews(found, batch, deps).of(item)
        if one is None:
            raise _not_in_review(job, batch, item, deps)
        if one.trouble and not answer:
            raise click.ClickException(f"{one.trouble} Write the whole answer (--answer JSON).")
        right = object_of(answer) if answer else {**one.answer, **changes_of(changes, found)}
        decided = correct(found, batch, item, right, deps, who=person(by), why=why)
    click.echo(in_line(decided.said))
    tell_next(job, batch)
