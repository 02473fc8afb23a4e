"""Spendings: what was paid in a span of time, summed in SQL, over all jobs or one.

A money row belongs to the instant at which it was kept (`ledger.at`), so a batch over the end of a
month is split rightly. Sums come from the ledger and from what runs that died had held; how they
are grouped is `engine/costs.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from . import control_tables as ct
from . import tables as t
from .database import Database
from .rows import Status

DAY_SECONDS = 86_400
_CLOCKS_SECONDS = 3600.0
"""Clocks of several machines differ: versions are looked for so far beyond the span."""


@dataclass(frozen=True, slots=True)
class PaidVersion:
    """A batch version that was open within the span."""

    plan_id: int
    job: str
    batch: str
    version: int
    spec: str
    """The frozen job, JSON."""
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class Spent:
    """Money rows of a version and a day that went the same way."""

    plan_id: int
    day: int
    """Days since the epoch, UTC."""
    kind: str
    """`settled` by usage, or `written_off`: the upper bound of a call without an answer."""
    end: str
    """Where the documents stand now that it was paid for."""
    gave_answer: bool
    calls: int
    """A call for several documents has a money row for each, and counts once."""
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    usd: float
    saved_usd: float


@dataclass(frozen=True, slots=True)
class LostHold:
    """What the runs of a version that died had held."""

    plan_id: int
    job: str
    batch: str
    runs: int
    usd: float
    tokens: int


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """What a person allowed a batch; UTC seconds since the epoch."""

    job: str
    batch: str
    version: int
    limit_usd: float | None
    limit_tokens: int | None
    deadline_at: float | None
    why: str
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class ReleasedCost:
    """A batch as its newest release left it: rows, and USD of all versions up to that one."""

    job: str
    batch: str
    at: float
    rows: int
    usd: float


class Spendings:
    """Reads `ledger`, `write_offs`, `approvals`, `releases` and `accounts` by time."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def versions(self, since: float, until: float, job: str | None = None) -> list[PaidVersion]:
        """Versions in which something may have been paid within the span."""
        p = t.plans.c
        query = (
            sa.select(p.plan_id, p.job, p.batch, p.version, p.spec, p.finished_at)
            .where(*_open_within(since, until), *_of(p.job, job))
            .order_by(p.plan_id)
        )
        with self._db.read() as connection:
            return [PaidVersion(*row) for row in connection.execute(query)]

    def spent(self, since: float, until: float, job: str | None = None) -> list[Spent]:
        """Every money row of the span, once, summed by version, day and how it went."""
        m, i, c = t.ledger.c, t.items.c, t.checkpoints.c
        gave = sa.case((c.status.in_([Status.ANSWERED, Status.PART]), 1), else_=0)
        item = sa.and_(i.plan_id == m.plan_id, i.seq == m.seq)
        attempt = sa.and_(
            c.plan_id == m.plan_id, c.seq == m.seq, c.part == m.part, c.attempt == m.attempt
        )
        ended = sa.func.coalesce(i.end, "")
        keys = (
            m.plan_id, self._day(m.at), m.kind, ended.label("ended"), gave.label("gave")
        )  # fmt: skip
        query = (
            sa.select(
                *keys,
                sa.func.sum(sa.case((c.place > 0, 0), else_=1)),
                *map(sa.func.sum, (m.tokens_in, m.tokens_out, m.tokens_cached)),
                *map(sa.func.sum, (m.cost_usd, m.saved_usd)),
            )
            .select_from(t.ledger)
            .outerjoin(t.items, item)
            .outerjoin(t.checkpoints, attempt)
            .where(m.plan_id.in_(_plans(since, until, job)), m.at >= since, m.at < until)
            .group_by(m.plan_id, "day", m.kind, "ended", "gave")
        )
        with self._db.read() as connection:
            return [
                Spent(
                    int(plan), int(day), kind, end, bool(gave_one), int(calls),
                    int(sent), int(answered), int(cached), float(usd), float(saved),
                )
                for plan, day, kind, end, gave_one, calls, sent, answered, cached, usd, saved
                in connection.execute(query)
            ]  # fmt: skip

    def by_day(
        self, since: float, until: float, job: str | None = None
    ) -> dict[tuple[int, int], float]:
        """(version, day) → USD."""
        m = t.ledger.c
        keys = (m.plan_id, self._day(m.at))
        query = (
            sa.select(*keys, sa.func.sum(m.cost_usd))
            .where(m.plan_id.in_(_plans(since, until, job)), m.at >= since, m.at < until)
            .group_by(m.plan_id, "day")
        )
        with self._db.read() as connection:
            rows = connection.execute(query)
            return {(int(plan), int(day)): float(usd) for plan, day, usd in rows}

    def lost_holds(self, since: float, until: float, job: str | None = None) -> list[LostHold]:
        """What was written off in the span because runs had died, by version."""
        w, p = ct.write_offs.c, t.plans.c
        sums = (sa.func.count(), sa.func.sum(w.usd), sa.func.sum(w.tokens))
        query = (
            sa.select(p.plan_id, p.job, p.batch, *sums)
            .join(t.plans, p.plan_id == w.plan_id)
            .where(w.at >= since, w.at < until, *_of(p.job, job))
            .group_by(p.plan_id, p.job, p.batch)
            .order_by(p.plan_id)
        )
        with self._db.read() as connection:
            return [
                LostHold(int(plan), name, batch, int(runs), float(usd), int(tokens))
                for plan, name, batch, runs, usd, tokens in connection.execute(query)
            ]

    def approvals(self, since: float, until: float, job: str | None = None) -> list[GivenApproval]:
        """What was approved in the span, oldest first."""
        a = ct.approvals.c
        query = (
            sa.select(*(a[name] for name in GivenApproval.__dataclass_fields__))
            .where(a.at >= since, a.at < until, *_of(a.job, job))
            .order_by(a.id)
        )
        with self._db.read() as connection:
            return [GivenApproval(*row) for row in connection.execute(query)]

    def released(self, since: float, until: float, job: str | None = None) -> list[ReleasedCost]:
        """Batches whose newest release until the end of the span was made in it, oldest first."""
        newest = _newest_releases(until, job)
        with self._db.read() as connection:
            rows = connection.execute(_with_cost(newest).where(newest.c.at >= since))
            return [_released(row) for row in rows]

    def last_released(
        self, until: float, each: int, job: str | None = None
    ) -> list[ReleasedCost]:
        """Of each job the last so many batches that were released before then, oldest first."""
        newest = _newest_releases(until, job)
        with self._db.read() as connection:
            rows = connection.execute(_with_cost(newest).where(newest.c.place <= each))
            return [_released(row) for row in rows]

    def records(self, since: float, until: float, job: str | None = None) -> list[str]:
        """Of each version that ended or stopped in the span, its newest record then, JSON."""
        c = t.completions.c
        newest = (
            sa.select(sa.func.max(c.id))
            .where(c.at >= since, c.at < until, *_of(c.job, job))
            .group_by(c.job, c.batch, c.version)
        )
        query = sa.select(c.record).where(c.id.in_(newest)).order_by(c.id)
        with self._db.read() as connection:
            return list(connection.scalars(query))

    def _day(self, at: sa.ColumnElement[float]) -> sa.Label[int]:
        """Whole days since the epoch. A cast cuts off on SQLite, and rounds on PostgreSQL."""
        days = at / DAY_SECONDS
        if self._db.url.get_backend_name() != "sqlite":
            days = sa.func.floor(days)
        return sa.cast(days, sa.Integer).label("day")


def _open_within(since: float, until: float) -> tuple[sa.ColumnElement[bool], ...]:
    """Begun before the end of the span, and not finished before it began."""
    p = t.plans.c
    unfinished = sa.or_(p.finished_at.is_(None), p.finished_at >= since - _CLOCKS_SECONDS)
    return (p.started_at < until + _CLOCKS_SECONDS, unfinished)


def _plans(since: float, until: float, job: str | None) -> sa.Select[tuple[int]]:
    """Their ids: the ledger is kept by version, so old versions are not even looked at."""
    p = t.plans.c
    return sa.select(p.plan_id).where(*_open_within(since, until), *_of(p.job, job))


def _newest_releases(until: float, job: str | None) -> sa.Subquery:
    """The newest release of each batch before then, and its place counted from the last."""
    r = t.releases.c
    latest = sa.func.row_number().over(
        partition_by=(r.job, r.batch), order_by=r.version.desc()
    )
    found = (
        sa.select(r.job, r.batch, r.version, r.at, r.rows, latest.label("latest"))
        .where(r.at < until, *_of(r.job, job))
        .subquery()
    )
    place = sa.func.row_number().over(
        partition_by=found.c.job, order_by=(found.c.at.desc(), found.c.batch)
    )
    return sa.select(found, place.label("place")).where(found.c.latest == 1).subquery()


def _with_cost(newest: sa.Subquery) -> sa.Select[tuple[str, str, float, int, float]]:
    """With what the accounts of the versions say that led to each release."""
    p, a, n = t.plans.c, ct.accounts.c, newest.c
    account = sa.literal("version/").concat(sa.cast(p.plan_id, sa.Text))
    return (
        sa.select(n.job, n.batch, n.at, n.rows, sa.func.coalesce(sa.func.sum(a.spent_usd), 0.0))
        .select_from(newest)
        .join(
            t.plans, sa.and_(p.job == n.job, p.batch == n.batch, p.version <= n.version)
        )
        .outerjoin(ct.accounts, a.account == account)
        .group_by(n.job, n.batch, n.at, n.rows)
        .order_by(n.at, n.batch)
    )


def _released(row: Iterable[object]) -> ReleasedCost:
    job, batch, at, rows, usd = row
    return ReleasedCost(str(job), str(batch), float(str(at)), int(str(rows)), float(str(usd)))


def _of(column: sa.ColumnElement[str], job: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if job is None else [column == job]
