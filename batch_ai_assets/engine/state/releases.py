"""Releases: which version of a batch consumers may read, and the newest row of every item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from ..figures import End
from . import tables as t
from .database import Database
from .rows import Plan


@dataclass(frozen=True, slots=True)
class Release:
    """One published version of a batch."""

    job: str
    batch: str
    version: int
    at: float
    by: str
    reason: str
    path: str
    rows: int


class Releases:
    """Rows of `releases` (append-only) and `released`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def add(
        self, plan: Plan, *, by: str, reason: str, path: str, rows: int
    ) -> Release:
        """Record a release, and its valid rows as the newest of their items, in one go."""
        release = Release(
            plan.job, plan.batch, plan.version, self._clock(), by, reason, path, rows
        )

        def work(connection: sa.Connection) -> None:
            values = {name: getattr(release, name) for name in Release.__dataclass_fields__}
            connection.execute(sa.insert(t.releases).values(values))
            self._renew(connection, plan)

        self._db.run(work)
        return release

    def _renew(self, connection: sa.Connection, plan: Plan) -> None:
        valid = sa.select(t.items.c.item_id).where(
            t.items.c.plan_id == plan.plan_id, t.items.c.end == End.VALID
        )
        connection.execute(
            sa.delete(t.released).where(
                t.released.c.job == plan.job,
                sa.or_(
                    t.released.c.batch == plan.batch, t.released.c.item_id.in_(valid)
                ),
            )
        )
        newest = (
            sa.select(
                sa.literal(plan.job),
                t.items.c.item_id,
                sa.literal(plan.batch),
                sa.func.max(t.checkpoints.c.request_hash),
            )
            .join(
                t.checkpoints,
                sa.and_(
                    t.checkpoints.c.plan_id == t.items.c.plan_id,
                    t.checkpoints.c.seq == t.items.c.seq,
                    t.checkpoints.c.part == 0,
                ),
            )
            .where(t.items.c.plan_id == plan.plan_id, t.items.c.end == End.VALID)
            .group_by(t.items.c.item_id)
        )
        connection.execute(
            sa.insert(t.released).from_select(
                ["job", "item_id", "batch", "request_hash"], newest
            )
        )

    def of(self, job: str, batch: str | None = None) -> list[Release]:
        """Releases of the job, oldest first."""
        query = sa.select(t.releases).where(t.releases.c.job == job).order_by(t.releases.c.at)
        if batch is not None:
            query = query.where(t.releases.c.batch == batch)
        with self._db.read() as connection:
            return [Release(**row) for row in connection.execute(query).mappings()]
