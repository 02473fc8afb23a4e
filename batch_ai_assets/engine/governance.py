"""Governance: the record of a batch or a span of time, drawn up from what the store has kept.

How it looks is `reporting/`'s.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from .reporting.completion import CompletionRecord
from .reporting.governance import (
    DecisionRecord,
    GovernanceRecord,
    GovernedBatch,
    GovernedJob,
    ReleaseRecord,
)
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
    for one in store.oversight.releases(*span, job=job, batch=batch):
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
                items=said.items, at=_time(said.at),
            )
        )  # fmt: skip
    records: dict[str, list[CompletionRecord]] = defaultdict(list)
    for text in store.oversight.records(*span, job=job, batch=batch):
        record = CompletionRecord.from_json(text)
        records[record.job].append(record)
    return GovernanceRecord(
        title=title,
        since=since,
        until=until,
        drawn_up_at=_time(store.clock()),
        jobs=tuple(
            GovernedJob(
                job=name,
                owner=found[-1].owner,
                purpose=found[-1].purpose,
                data_classification=found[-1].data_classification,
                batches=tuple(
                    _governed(one, releases[name, one.batch], decisions[name, one.batch])
                    for one in found
                ),
            )
            for name, found in sorted(records.items())
        ),
    )


def month_of(name: str) -> tuple[datetime, datetime]:
    """First instant of the month `2026-11`, and that of the next, UTC. Raises ValueError."""
    first = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    return first, first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def _governed(
    record: CompletionRecord, releases: list[ReleaseRecord], decisions: list[DecisionRecord]
) -> GovernedBatch:
    return GovernedBatch(
        batch=record.batch,
        version=record.version,
        state=record.state,
        reason=record.reason,
        finished_at=record.finished_at,
        who=record.who,
        run_id=record.run_id,
        model=record.model
        if record.model_version == record.model
        else f"{record.model} {record.model_version}",
        prompt_version=record.prompt_version,
        conservation=record.conservation.line,
        holds=record.conservation.holds,
        dead=record.conservation.dead,
        review=record.conservation.review,
        cost_usd=record.cost_usd,
        checks=record.checks,
        releases=tuple(releases),
        decisions=tuple(decisions),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
