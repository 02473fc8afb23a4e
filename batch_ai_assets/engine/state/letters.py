"""Dead letters as people and the export read them. Writing them is `items.py` and the writer."""

from __future__ import annotations

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .rows import DeadLetterRow

_NAMES = tuple(DeadLetterRow.__dataclass_fields__)


class Letters:
    """Rows of `dead_letters`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(
        self, job: str, batch: str | None = None, *, item_id: str | None = None
    ) -> list[DeadLetterRow]:
        """Dead letters of the newest version of each batch, oldest first."""
        c = t.dead_letters.c
        newest = (
            sa.select(sa.func.max(t.plans.c.version))
            .where(t.plans.c.job == c.job, t.plans.c.batch == c.batch)
            .correlate(t.dead_letters)
            .scalar_subquery()
        )
        query = (
            sa.select(*(c[name] for name in _NAMES))
            .where(c.job == job, c.version == newest)
            .order_by(c.batch, c.seq)
        )
        if batch is not None:
            query = query.where(c.batch == batch)
        if item_id is not None:
            query = query.where(c.item_id == item_id)
        with self._db.read() as connection:
            return [DeadLetterRow(*row) for row in connection.execute(query)]

    def revision(self, job: str) -> dict[str, float]:
        """batch → when its dead letters last changed; the sensor compares it with the export."""
        c = t.dead_letters.c
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(c.batch, sa.func.max(c.revision)).where(c.job == job).group_by(c.batch)
            )
            return {batch: float(revision) for batch, revision in rows}
