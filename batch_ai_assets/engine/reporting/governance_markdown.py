"""The governance record as Markdown, for the Dagster UI and for a ticket."""

from __future__ import annotations

from collections.abc import Iterator

from .governance import DecisionRecord, GovernanceRecord, GovernedBatch, GovernedJob
from .markdown import MARKS, safe, table
from .wording import check_word, moment, state_words, whole


def render_governance_markdown(record: GovernanceRecord) -> str:
    """The whole page; ends with a newline."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: GovernanceRecord) -> Iterator[str]:
    yield f"# Governance · {safe(record.title)}"
    yield ""
    yield "## What needs a person"
    yield ""
    for line in record.needs_a_person:
        yield f"- {safe(line)}"
    if not record.needs_a_person:
        yield "Nothing." if record.jobs else "No batch ended in this time."
    yield ""
    for job in record.jobs:
        yield from _job(job)


def _job(job: GovernedJob) -> Iterator[str]:
    yield f"## {safe(job.job)}"
    yield ""
    of_whom = f"Owner {safe(job.owner)}, data class {safe(job.data_classification)}."
    yield f"{safe(job.purpose)} {of_whom}"
    rows = [
        (
            safe(batch.batch),
            whole(batch.version),
            safe(state_words(batch.state) + (f" ({batch.reason})" if batch.reason else "")),
            safe(batch.conservation),
            _checked(batch),
            _released(batch),
        )
        for batch in job.batches
    ]
    heads = ("batch", "version", "state", "documents", "checks that failed", "released")
    yield from table(heads, rows, right=(1,))
    over_time = [
        (safe(name), trend.line, whole(trend.failed))
        for name, trend in job.trends().items()
        if len(job.batches) > 1
    ]
    if over_time:
        yield from table(("check", "over time", "batches that failed it"), over_time, right=(2,))
    decided = [_decided(batch, one) for batch in job.batches for one in batch.decisions]
    if decided:
        heads = ("batch", "decided", "documents", "by", "when", "why")
        yield from table(heads, decided, right=(2,))


def _decided(batch: GovernedBatch, one: DecisionRecord) -> tuple[str, ...]:
    said = (batch.batch, one.kind, whole(one.items), one.who, moment(one.at), one.why)
    return tuple(safe(cell) for cell in said)


def _checked(batch: GovernedBatch) -> str:
    if not batch.checks:
        return "none was made"
    failed = [f"{MARKS[check_word(check)]} {safe(check.name)}" for check in batch.failed]
    return ", ".join(failed) or f"{MARKS['passed']} all of {len(batch.checks)} passed"


def _released(batch: GovernedBatch) -> str:
    if not batch.releases:
        return "nothing"
    last = batch.releases[-1]
    return f"version {last.version} by {safe(last.by)}, {whole(last.rows)} rows, {moment(last.at)}"
