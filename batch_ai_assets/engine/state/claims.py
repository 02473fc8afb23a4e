"""Claims: which batch an item's content belongs to, for jobs whose batches must not overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from . import tables as t
from .database import Database

Claim = tuple[str, bytes]
"""(item_id, sha256 of its text)."""


class Claims:
    """Rows of `claims`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def take(self, job: str, batch: str, items: Sequence[Claim]) -> set[Claim]:
        """Claim `items` for the batch, once and for all; those that another batch holds."""
        c = t.claims.c
        wanted = set(items)

        def work(connection: sa.Connection) -> set[Claim]:
            ids = list({item_id for item_id, _ in items})
            found = {
                (row.item_id, row.input_hash): row.batch
                for row in connection.execute(
                    sa.select(c.item_id, c.input_hash, c.batch).where(
                        c.job == job, c.item_id.in_(ids)
                    )
                )
            }
            now = self._clock()
            new = [(job, *claim, batch, now) for claim in wanted if claim not in found]
            self._db.insert(connection, t.claims, new)
            return {claim for claim in wanted if found.get(claim, batch) != batch}

        return self._db.run(work)
