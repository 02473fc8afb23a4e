"""`batch-ai review`: answers that wait for a person, and what the person says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from batch_ai_assets.commands.columns import harmless, in_line, print_columns
from batch_ai_assets.commands.decide import about_documents, decide, job_named, tell_next
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.program import command

if TYPE_CHECKING:
    from batch_ai_assets.engine.reviews import Review


@click.group("review")
def review() -> None:
    """See answers that wait for a person, and decide on them."""


@review.command("list")
@click.argument("job")
@click.argument("batch")
@click.option("--limit", default=50, show_default=True, help="Show so many.")
def review_list(job: str, batch: str, limit: int) -> None:
    """Show the answers of BATCH that wait, the least sure ones first."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.reviews import reviews

    found = job_named(job)
    with open_deps() as deps:
        waiting = reviews(found, batch, deps)
    if not waiting:
        click.echo(f"Nothing of {job}/{batch} is in review.")
        return
    fields = list(waiting[0].fields)
    rows = [
        (
            one.item_id,
            one.reason,
            "" if one.confidence is None else f"{one.confidence:.3f}",
            one.decided,
            *(_cell(one.fields[name]) for name in fields),
        )
        for one in waiting[:limit]
    ]
    print_columns(("item", "reason", "confidence", "decided", *fields), rows)
    if len(waiting) > limit:
        click.echo(f"{len(waiting) - limit:,} more; --limit shows them.")
    for words, what in (
        (("show",), "ITEM               the document and its answer"),
        (("accept",), "[ITEM]...        the answer is right"),
        (("correct",), "ITEM --set FIELD=VALUE --why TEXT"),
        (("reject",), "[ITEM]... --why TEXT"),
    ):
        click.echo(f"{command('review', *words, job, batch)} {what}")


def _cell(value: object) -> str:
    return harmless(str(value).encode())[:60]


@review.command("show")
@click.argument("job")
@click.argument("batch")
@click.argument("item")
def review_show(job: str, batch: str, item: str) -> None:
    """Open one document and its answer. Who looks is recorded."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.reviews import opened, reviews

    found = job_named(job)
    with open_deps() as deps:
        one = _named(reviews(found, batch, deps), job, batch, item)
        deps.store.batches.note(person(), "review opened", job, batch, item)
        _tell(one, opened(found, batch, one, deps))


def _named(waiting: list[Review], job: str, batch: str, item: str) -> Review:
    from batch_ai_assets.engine.errors import DecisionError

    for one in waiting:
        if one.item_id == item:
            return one
    raise DecisionError(
        f"{item!r} is not in review in {job}/{batch}. {command('review', 'list', job, batch)} shows"
        " what is."
    )


def _tell(one: Review, document: bytes) -> None:
    sure = "unknown" if one.confidence is None else f"{one.confidence:.3f}"
    click.echo(f"{'item':<12}{one.item_id}")
    click.echo(f"{'reason':<12}{one.reason}, confidence {sure}")
    if one.decided:
        click.echo(f"{'decided':<12}{one.decided}")
    for name, value in one.fields.items():
        click.echo(f"{name:<12}{harmless(str(value).encode())}")
    click.echo("document")
    click.echo(harmless(document))


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
    help="A field of the answer; VALUE is JSON, or plain text. The others stay as they are.",
)  # fmt: skip
@click.option("--answer", metavar="JSON", help="The whole answer, in place of --set.")
@click.option("--why", required=True, metavar="TEXT", help="What was wrong.")
def review_correct(
    job: str, batch: str, item: str, changes: tuple[str, ...], answer: str | None, why: str
) -> None:
    """Write the right answer for one document. It must meet the job's schema and taxonomy."""
    from batch_ai_assets.connections import open_deps
    from batch_ai_assets.engine.correcting import correct
    from batch_ai_assets.engine.reviews import reviews

    if bool(changes) == bool(answer):
        raise click.UsageError("Say --set FIELD=VALUE for what changes, or the whole --answer.")
    found = job_named(job)
    with open_deps() as deps:
        one = _named(reviews(found, batch, deps), job, batch, item)
        right = _object(answer) if answer else {**one.answer, **_changes(changes)}
        decided = correct(found, batch, item, right, deps, who=person(), why=why)
    click.echo(in_line(decided.said))
    tell_next(job, batch)


def _object(text: str) -> dict[str, Any]:
    import orjson

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"--answer is no JSON ({error}).") from None
    if not isinstance(value, dict):
        raise click.UsageError("--answer must be a JSON object, such as '{\"topic\": \"card\"}'.")
    return value


def _changes(changes: tuple[str, ...]) -> dict[str, Any]:
    import orjson

    found: dict[str, Any] = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            raise click.UsageError(f"--set {change!r}: write FIELD=VALUE.")
        try:
            found[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            found[name] = text
    return found
