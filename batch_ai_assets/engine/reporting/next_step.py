"""What a person does now, for every way a batch can end. Pure words over figures."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures import BatchFigures
from ..spec.resolved import ResolvedJob
from .wording import OF_THE_DOCUMENT, counted, of_the_provider


def next_step(
    job: ResolvedJob, batch: str, state: str, reason: str, figures: BatchFigures
) -> str:
    """One or more sentences; `Nothing.` where there is nothing to do."""
    if state in ("completed", "completed_with_dead_letters"):
        return " ".join(_after_the_end(job, batch, figures)) or "Nothing."
    resume = f"batch-ai run {job.name} --batch {batch}"
    if state in ("paused", "waiting", "cancelled"):
        return _while_it_waits(job, batch, state, reason)
    if reason == "budget":
        return (
            f"Decide whether it may spend more: `batch-ai approve {job.name} {batch} --limit-usd "
            "USD --reason WHY` (or --limit-tokens N), or raise budget in job.yaml; then "
            f"`{resume}` goes on."
        )
    if reason == "month_cap":
        return (
            "Nothing: it goes on by itself when the next month begins (UTC). To go on before, "
            f"raise the cap in its file (`batch-ai costs` shows it), then `{resume}`."
        )
    if reason == "awaiting_approval":
        return (
            f"Decide whether it may begin: `batch-ai approve {job.name} {batch} --limit-usd USD "
            f"--reason WHY`; then `{resume}` asks. Nothing was asked, and nothing was spent."
        )
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


def _while_it_waits(job: ResolvedJob, batch: str, state: str, reason: str) -> str:
    if state == "cancelled":
        taken = (
            ", except the files that arrived for it: deliver those under another name"
            if job.spec.batches.cadence == "on_arrival"
            else ""
        )
        return f"Nothing: it was given up. Another batch may take its documents{taken}."
    if reason == "person":
        return f"`batch-ai resume {job.name} {batch}` lets it go on."
    what = "when its off-peak hours begin" if state == "waiting" else "once its provider answers"
    return f"Nothing: it goes on by itself {what}."


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
    """How each of the dead letters comes to an end, by the place that has to be mended."""
    dead = {reason: count for reason, count in figures.dead_by_reason.items() if count}
    failed = sorted(filter(of_the_provider, dead))
    unread = any(reason in OF_THE_DOCUMENT or reason == "rejected" for reason in dead)
    asked = any(not of_the_provider(reason) and reason not in OF_THE_DOCUMENT for reason in dead)
    where = f"{job.name} {batch}"
    run = f"`batch-ai run {job.name} --batch {batch}"
    steps = []
    if failed:
        which = "--all" if len(failed) == len(dead) else _reasons(failed)
        steps.append(
            f"Where the provider failed, `batch-ai dlq replay {where} {which} --root-cause TEXT` "
            "asks again once it is well, and nothing else."
        )
    if asked:
        steps.append(f"Where prompt, schema or model is to be mended, do so; {run}` asks anew.")
    if unread:
        steps.append(
            f"Where documents are to be mended, do so where they come from; {run} --reread` reads "
            "them again, and stored answers serve those that are the same."
        )
    steps.append(f"What cannot be mended: `batch-ai dlq discard {where} --why TEXT -- ITEM...`.")
    return " ".join(steps)


def _reasons(reasons: Sequence[str]) -> str:
    """The options that name them."""
    return " ".join(f"--reason {reason}" for reason in reasons)


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
