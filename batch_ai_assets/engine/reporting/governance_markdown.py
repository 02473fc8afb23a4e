"""The governance record as Markdown, for the Dagster UI and for a ticket."""

from __future__ import annotations

from collections.abc import Iterator

from .governance import DecisionRecord, GovernanceRecord, GovernedBatch, GovernedJob, VersionRecord
from .governance_wording import (
    check_word,
    cost_in_all,
    decided_again,
    errors_and_warnings,
    moment,
    other_ends,
    state_words,
    usd,
    which,
    whole,
)
from .markdown import MARKS, safe, table


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
            safe(cost_in_all(batch)),
            _checked(batch),
            _released(batch),
        )
        for batch in job.batches
    ]
    heads = ("batch", "version", "state", "documents", "cost", "checks that failed", "released")
    yield from table(heads, rows, right=(1,))
    over_time = [
        (safe(name), trend.line, whole(trend.failed))
        for name, trend in job.trends().items()
        if len(job.batches) > 1
    ]
    if over_time:
        yield from table(("check", "over time", "batches that failed it"), over_time, right=(2,))
    for batch in job.batches:
        if len(batch.versions) > 1:
            yield from _versions(batch)
    decided = [_decided(batch, one) for batch in job.batches for one in batch.decisions]
    if decided:
        said = ("batch", "version", "decided", "documents", "which", "by", "when", "why")
        yield from table(said, decided, right=(1, 3))


def _versions(batch: GovernedBatch) -> Iterator[str]:
    yield f"**Versions of {safe(batch.batch)}**"
    heads = (
        "version", "ended", "state", "documents", "valid", "review", "dead", "discarded", "cost",
        "job", "model", "prompt", "checks that failed", "released",
    )  # fmt: skip
    rows = (_version(one) for one in batch.versions)
    yield from table(heads, rows, right=(0, 3, 4, 5, 6, 7, 8))
    changes = [(one.version, change) for one in batch.versions for change in one.changes]
    if changes:
        yield "What changed in the job:"
        yield ""
        for version, change in changes:
            yield f"- version {version}: {safe(change.path)}: {safe(change.words)}"
        yield ""


def _version(one: VersionRecord) -> tuple[str, ...]:
    counts = one.counts
    documents = ", ".join((whole(counts.items), *other_ends(counts)))
    failed = errors_and_warnings(len(one.errors), len(one.warnings), one.checks)
    names = ", ".join((*one.errors, *one.warnings))
    return tuple(
        safe(cell)
        for cell in (
            whole(one.version),
            moment(one.finished_at),
            state_words(one.state) + (f" ({one.reason})" if one.reason else ""),
            documents,
            *map(whole, (counts.valid, counts.review, counts.dead, counts.discarded)),
            usd(one.cost_usd),
            one.spec_short,
            one.model,
            one.prompt_version,
            f"{failed}: {names}" if names else failed,
            "yes" if one.released else "no",
        )
    )


def _decided(batch: GovernedBatch, one: DecisionRecord) -> tuple[str, ...]:
    ids = "; ".join(filter(None, (which(one), decided_again(one))))
    said = (
        batch.batch, whole(one.version), one.kind, whole(one.items), ids, one.who, moment(one.at),
        one.why,
    )  # fmt: skip
    return tuple(safe(cell) for cell in said)


def _checked(batch: GovernedBatch) -> str:
    if not batch.checks:
        return "none was made"
    failed = [f"{MARKS[check_word(check)]} {safe(check.name)}" for check in batch.failed]
    if not failed:
        return f"{MARKS['passed']} all of {len(batch.checks)} passed"
    counts = errors_and_warnings(batch.errors, batch.warnings, len(batch.checks))
    return f"{counts}: {', '.join(failed)}"


def _released(batch: GovernedBatch) -> str:
    if not batch.releases:
        return "nothing"
    last = batch.releases[-1]
    return f"version {last.version} by {safe(last.by)}, {whole(last.rows)} rows, {moment(last.at)}"
