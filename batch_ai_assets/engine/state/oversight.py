"""Oversight: what ended, was released and was decided in a span of time, over all jobs.

For the people who sign for it: records, releases and decisions as they were kept, nothing computed
anew.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .releases import Release

_Said = tuple[str, str, int, str, str, str]
"""Job, batch, version, kind, who and why."""

SHOWN = 5
"""So many items of a decision are named."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What one person decided about documents of a batch version, in the same words."""

    job: str
    batch: str
    version: int
    kind: str
    who: str
    why: str
    items: int
    at: float
    """When the last of them was decided."""
    first_items: tuple[str, ...]
    """Ids of the first of them, at most `SHOWN`."""
    decided_again: int
    """Of them, items whose last word in this version is another decision."""


class Oversight:
    """Reads `completions`, `releases`, `decisions` and `ledger` by time."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def records(
        self, since: float, until: float, *, job: str | None = None, batch: str | None = None
    ) -> list[str]:
        """Of each batch that ended (or stopped) in the span, the newest record of every version
        until then, JSON: by job, by the time the batch ended, and the newest last."""
        c = t.completions.c
        ended = _ended(since, until, job, batch)
        newest = (
            sa.select(sa.func.max(c.id).label("id"), ended.c.last)
            .join(ended, sa.and_(ended.c.job == c.job, ended.c.batch == c.batch))
            .where(c.at < until)
            .group_by(c.job, c.batch, c.version, ended.c.last)
            .subquery()
        )
        query = (
            sa.select(c.record)
            .join(newest, newest.c.id == c.id)
            .order_by(c.job, newest.c.last, c.id)
        )
        with self._db.read() as connection:
            return list(connection.scalars(query))

    def costs(
        self, since: float, until: float, *, job: str | None = None, batch: str | None = None
    ) -> dict[tuple[str, str], float]:
        """(job, batch) → USD spent until the end of the span, in all versions of each batch that
        ended in it."""
        p, m = t.plans.c, t.ledger.c
        ended = _ended(since, until, job, batch)
        query = (
            sa.select(p.job, p.batch, sa.func.sum(m.cost_usd))
            .join(ended, sa.and_(ended.c.job == p.job, ended.c.batch == p.batch))
            .join(t.ledger, m.plan_id == p.plan_id)
            .where(m.at < until)
            .group_by(p.job, p.batch)
        )
        with self._db.read() as connection:
            return {(name, key): float(usd) for name, key, usd in connection.execute(query)}

    def releases(
        self, until: float, *, job: str | None = None, batch: str | None = None
    ) -> list[Release]:
        """Every release until then, oldest first."""
        r = t.releases.c
        query = (
            sa.select(t.releases).where(r.at < until, *_of(t.releases, job, batch)).order_by(r.at)
        )
        with self._db.read() as connection:
            return [Release(**row) for row in connection.execute(query).mappings()]

    def decided(
        self, since: float, until: float, *, job: str | None = None, batch: str | None = None
    ) -> list[Decided]:
        """Decisions of the span, those in the same words together, oldest first."""
        d = t.decisions.c
        query = (
            sa.select(d.job, d.batch, d.version, d.kind, d.who, d.why, d.item_id, d.at)
            .where(d.at >= since, d.at < until, *_of(t.decisions, job, batch))
            .order_by(d.decision_id)
        )
        items: dict[_Said, dict[str, float]] = defaultdict(dict)
        last: dict[tuple[str, str, int, str], _Said] = {}
        with self._db.read() as connection:
            for name, key, version, kind, who, why, item, at in connection.execute(query):
                said = (name, key, version, kind, who, why)
                items[said][item] = at
                last[name, key, version, item] = said
        found = [
            Decided(
                *said,
                items=len(of),
                at=max(of.values()),
                first_items=tuple(islice(of, SHOWN)),
                decided_again=sum(last[(*said[:3], item)] != said for item in of),
            )
            for said, of in items.items()
        ]
        return sorted(found, key=attrgetter("at"))


def _ended(since: float, until: float, job: str | None, batch: str | None) -> sa.Subquery:
    """Batches of which a record was kept in the span, with the last one's id."""
    c = t.completions.c
    return (
        sa.select(c.job, c.batch, sa.func.max(c.id).label("last"))
        .where(c.at >= since, c.at < until, *_of(t.completions, job, batch))
        .group_by(c.job, c.batch)
        .subquery()
    )


def _of(table: sa.Table, job: str | None, batch: str | None) -> list[sa.ColumnElement[bool]]:
    """Conditions on job and batch, where they are named."""
    named = {"job": job, "batch": batch}
    return [table.c[name] == value for name, value in named.items() if value is not None]
