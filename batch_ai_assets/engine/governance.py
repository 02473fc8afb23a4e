"""Governance: the record of a batch or a span of time, drawn up from what the store has kept.

How it looks is `reporting/`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from .reporting.completion import CompletionRecord
from .reporting.governance import (
    DecisionRecord,
    GovernanceRecord,
    GovernedBatch,
    GovernedJob,
    ReleaseRecord,
    VersionRecord,
)
from .reporting.job_changes import job_changes
from .state.store import StateStore

_FOR_EVER = datetime.max.replace(tzinfo=UTC)
_FROM_THE_BEGINNING = datetime.fromtimestamp(0, UTC)


def oversee(
    store: StateStore,
    title: str,
    since: datetime = _FROM_THE_BEGINNING,
    until: datetime = _FOR_EVER,
    *,
    job: str | None = None,
    batch: str | None = None,
) -> GovernanceRecord:
    """Every batch that ended in the span, of one job or of all; with `batch`, that one alone."""
    span = (since.timestamp(), until.timestamp())
    releases: dict[tuple[str, str], list[ReleaseRecord]] = defaultdict(list)
    for one in store.oversight.releases(span[1], job=job, batch=batch):
        releases[one.job, one.batch].append(
            ReleaseRecord(
                version=one.version, at=_time(one.at), by=one.by, reason=one.reason, rows=one.rows
            )
        )
    decisions: dict[tuple[str, str], list[DecisionRecord]] = defaultdict(list)
    for said in store.oversight.decided(*span, job=job, batch=batch):
        decisions[said.job, said.batch].append(
            DecisionRecord(
                version=said.version, kind=said.kind, who=said.who, why=said.why,
                items=said.items, at=_time(said.at), first_items=said.first_items,
                decided_again=said.decided_again,
            )
        )  # fmt: skip
    costs = store.oversight.costs(*span, job=job, batch=batch)
    records: dict[str, dict[str, list[CompletionRecord]]] = defaultdict(lambda: defaultdict(list))
    for text in store.oversight.records(*span, job=job, batch=batch):
        record = CompletionRecord.from_json(text)
        records[record.job][record.batch].append(record)
    return GovernanceRecord(
        title=title,
        since=since,
        until=until,
        drawn_up_at=_time(store.clock()),
        jobs=tuple(
            _job(
                name,
                [
                    _governed(
                        versions, since, releases[name, key], decisions[name, key],
                        costs.get((name, key), 0.0),
                    )
                    for key, versions in found.items()
                ],
                newest=list(found.values())[-1][-1],
            )
            for name, found in sorted(records.items())
        ),
    )  # fmt: skip


def month_of(name: str) -> tuple[datetime, datetime]:
    """First instant of the month `2026-11`, and that of the next, UTC. Raises ValueError."""
    first = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    return first, first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def _job(name: str, batches: list[GovernedBatch], newest: CompletionRecord) -> GovernedJob:
    return GovernedJob(
        job=name,
        owner=newest.owner,
        purpose=newest.purpose,
        data_classification=newest.data_classification,
        batches=tuple(batches),
    )


def _governed(
    records: Sequence[CompletionRecord],
    since: datetime,
    releases: list[ReleaseRecord],
    decisions: list[DecisionRecord],
    cost_usd_all_versions: float,
) -> GovernedBatch:
    """From the records of its versions, the newest last, and every release so far."""
    record = records[-1]
    return GovernedBatch(
        batch=record.batch,
        version=record.version,
        state=record.state,
        reason=record.reason,
        finished_at=record.finished_at,
        who=record.who,
        run_id=record.run_id,
        model=_model(record),
        prompt_version=record.prompt_version,
        conservation=record.conservation.line,
        holds=record.conservation.holds,
        dead=record.conservation.dead,
        review=record.conservation.review,
        cost_usd=record.cost_usd,
        checks=record.checks,
        releases=tuple(one for one in releases if one.at >= since),
        decisions=tuple(decisions),
        versions=_versions(records, {one.version for one in releases}),
        cost_usd_all_versions=cost_usd_all_versions,
    )


def _versions(
    records: Sequence[CompletionRecord], released: set[int]
) -> tuple[VersionRecord, ...]:
    return tuple(
        VersionRecord(
            version=record.version,
            finished_at=record.finished_at,
            state=record.state,
            reason=record.reason,
            counts=record.conservation,
            cost_usd=record.cost_usd,
            spec_hash=record.spec_hash,
            model=_model(record),
            prompt_version=record.prompt_version,
            checks=len(record.checks),
            errors=_failed(record, "error"),
            warnings=_failed(record, "warn"),
            released=record.version in released,
            changes=job_changes(before.frozen_spec, record.frozen_spec) if before else (),
        )
        for before, record in zip((None, *records), records, strict=False)
    )


def _failed(record: CompletionRecord, severity: str) -> tuple[str, ...]:
    failed = (check for check in record.checks if not check.passed)
    return tuple(check.name for check in failed if check.severity == severity)


def _model(record: CompletionRecord) -> str:
    if record.model_version == record.model:
        return record.model
    return f"{record.model} {record.model_version}"


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
