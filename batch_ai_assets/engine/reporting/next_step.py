"""What a person does now, for every way a batch can end. Pure words over figures."""

from __future__ import annotations

from ..figures import BatchFigures
from ..spec.resolved import ResolvedJob
from .wording import OF_THE_DOCUMENT, counted


def next_step(
    job: ResolvedJob, batch: str, state: str, reason: str, figures: BatchFigures
) -> str:
    """One or more sentences; `Nothing.` where there is nothing to do."""
    if state in ("completed", "completed_with_dead_letters"):
        return " ".join(_after_the_end(job, batch, figures)) or "Nothing."
    resume = f"batch-ai run {job.name} --batch {batch}"
    if reason == "budget":
        return f"Decide whether to raise budget in job.yaml; then `{resume}` goes on."
    counts = figures.conservation
    if reason == "checks" and counts.pending == counts.items:
        return (
            "Read the failed checks of the documents and mend the input, or the bars in "
            f"input_quality; then `{resume}` reads it anew. Nothing was asked."
        )
    if reason == "checks":
        return (
            "Read the failed checks; nothing was released. Where the job itself was wrong, correct "
            f"it, then `{resume} --reprocess` makes the next version from the answers that are "
            f"there; otherwise `{resume}` judges again."
        )
    if state == "interrupted":
        return f"Nothing is lost: `{resume}` goes on where it stopped."
    mend = f"Remove the cause; then `{resume}` goes on where it stopped."
    if state == "halted" and counts.accounted != counts.pending:
        mend += (
            f" Where model, prompt or schema had to change, `{resume} --reprocess` makes the next "
            "version instead."
        )
    return mend


def _after_the_end(job: ResolvedJob, batch: str, figures: BatchFigures) -> list[str]:
    counts, name = figures.conservation, job.name
    steps = []
    if not counts.items:
        steps.append(f"No document was found: {_source(job)}.")
    if counts.dead:
        steps.append(
            f"Look at the dead letters: `batch-ai dlq list {name} {batch}`. "
            + _again(job, batch, figures)
        )
    if counts.review:
        waiting = counted(counts.review, "answer") + (" waits" if counts.review == 1 else " wait")
        steps.append(f"{waiting} for a person: `batch-ai review list {name} {batch}`.")
    if again := figures.skipped_by_reason.get("open_dead_letter", 0):
        steps.append(
            f"{counted(again, 'document')} skipped here ended dead in an earlier batch and "
            f"{'has' if again == 1 else 'have'} not changed since: "
            f"`batch-ai dlq list {name}`. Mend the cause, then run that batch again as it says "
            "there."
        )
    return steps


def _again(job: ResolvedJob, batch: str, figures: BatchFigures) -> str:
    """How dead letters are asked again: a document that was mended must be read again, too."""
    run = f"`batch-ai run {job.name} --batch {batch}"
    unread = sum(figures.dead_by_reason.get(reason, 0) for reason in OF_THE_DOCUMENT)
    if unread == figures.conservation.dead:
        return (
            f"Once the documents are mended where they come from, {run} --reread` reads them "
            "again; stored answers serve those that are the same."
        )
    said = (
        f"Once their cause is mended, `batch-ai dlq replay {job.name} {batch} --all --root-cause "
        "TEXT` asks them again, and nothing else."
    )
    reread = f" Where documents had to be mended, {run} --reread` instead."
    return said + (reread if unread else "")


def _source(job: ResolvedJob) -> str:
    """Where the documents were looked for."""
    source = job.spec.input
    if source.kind == "asset":
        return f"input.asset is {source.asset!r}"
    if source.kind == "sql":
        return "the query in input.sql returned no row"
    if job.spec.batches.cadence == "on_arrival":
        return "the files that arrived for this batch hold none"
    return f"input.path is {source.path!r}, glob {source.glob!r}"
