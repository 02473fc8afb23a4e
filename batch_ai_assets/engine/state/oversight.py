"""Oversight: what ended, was released and was decided in a span of time, over all jobs.

For the people who sign for it: records, releases and decisions as they were kept, nothing computed
anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .releases import Release


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


class Oversight:
    """Reads `completions`, `releases` and `decisions` by time."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def records(
        self, since: float, until: float, *, job: str | None = None, batch: str | None = None
    ) -> list[str]:
        """The newest record of each batch that ended (or stopped) in the span, JSON, by job and
        time."""
        c = t.completions.c
        newest = (
            sa.select(sa.func.max(c.id))
            .where(c.at >= since, c.at < until, *_of(t.completions, job, batch))
            .group_by(c.job, c.batch)
        )
        query = sa.select(c.record).where(c.id.in_(newest)).order_by(c.job, c.id)
        with self._db.read() as connection:
            return list(connection.scalars(query))

    def releases(
        self, since: float, until: float, *, job: str | None = None, batch: str | None = None
    ) -> list[Release]:
        """Releases of the span, oldest first."""
        r = t.releases.c
        query = (
            sa.select(t.releases)
            .where(r.at >= since, r.at < until, *_of(t.releases, job, batch))
            .order_by(r.at)
        )
        with self._db.read() as connection:
            return [Release(**row) for row in connection.execute(query).mappings()]

    def decided(
        self, since: float, until: float, *, job: str | None = None, batch: str | None = None
    ) -> list[Decided]:
        """Decisions of the span, those in the same words together, oldest first."""
        d = t.decisions.c
        same = (d.job, d.batch, d.version, d.kind, d.who, d.why)
        last = sa.func.max(d.at)
        query = (
            sa.select(*same, sa.func.count(), last)
            .where(d.at >= since, d.at < until, *_of(t.decisions, job, batch))
            .group_by(*same)
            .order_by(last)
        )
        with self._db.read() as connection:
            return [Decided(*row) for row in connection.execute(query)]


def _of(table: sa.Table, job: str | None, batch: str | None) -> list[sa.ColumnElement[bool]]:
    """Conditions on job and batch, where they are named."""
    named = {"job": job, "batch": batch}
    return [table.c[name] == value for name, value in named.items() if value is not None]
