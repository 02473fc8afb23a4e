"""`batch-ai dlq export`: the dead letters of a batch as JSON, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch_ai_assets.commands.columns import in_line, utc
from batch_ai_assets.commands.decide import job_named
from batch_ai_assets.commands.person import person
from batch_ai_assets.commands.wanted import prove_known
from batch_ai_assets.commands.whole_file import write_whole

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import DeadLetterRow

_TERMINAL = Path("-")


@click.command("export")
@click.argument("job")
@click.argument("batch")
@click.option(
    "--output", "file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default=_TERMINAL, help="Write to this file; else, or with -, to the terminal.",
)  # fmt: skip
@click.option("--payload", is_flag=True, help="With document and answer, opened. This is recorded.")
@click.pass_context
def dlq_export(context: click.Context, job: str, batch: str, file: Path, payload: bool) -> None:
    """Write the dead letters of BATCH as JSON, a line each.

    A payload that does not open is null, with `trouble` beside it; the exit code is 1 then. A file
    with payloads is for your eyes alone (mode 0600).
    """
    import orjson

    from batch_ai_assets.connections import open_deps

    job_named(job)
    with open_deps() as deps:
        letters = deps.store.dead_letters(job, batch)
        if not letters:
            prove_known(job, batch, deps)
        if payload and letters:
            deps.store.batches.note(person(), "dead letters exported with payload", job, batch)
        records = [_record(letter, deps if payload else None) for letter in letters]
    text = b"".join(orjson.dumps(record) + b"\n" for record in records)
    if file == _TERMINAL:
        click.echo(text.decode(), nl=False)
    else:
        write_whole(file, text, private=payload)
        click.echo(f"{file} holds {len(records):,} dead letters.")
    if damaged := [str(one["item_id"]) for one in records if "trouble" in one]:
        click.echo(in_line(f"Payloads that do not open: {', '.join(damaged)}."), err=True)
        context.exit(1)


def _record(letter: DeadLetterRow, opener: Deps | None) -> dict[str, object]:
    """A letter as it is exported; with its payload where somebody opens it."""
    from batch_ai_assets.engine.errors import SealError
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
        record[name] = None
        if sealed is None:
            continue
        try:
            content = opener.sealer.open(sealed, context)
        except SealError as error:
            record["trouble"] = f"The {name} does not open. {error}"
        else:
            record[name] = content.decode("utf-8", "backslashreplace")
    return record
