"""Claims: which batch an item's content belongs to, for jobs whose batches must not overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .life_cycle import State

Claim = tuple[str, bytes]
"""(item_id, sha256 of its text)."""


class Claims:
    """Rows of `claims`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def take(self, job: str, batch: str, items: Sequence[Claim]) -> set[Claim]:
        """Claim `items` for the batch; those that another batch holds which is not finished.

        A finished batch gives its claims up: whether its items are the same still, under today's
        prompt and model, is for change detection to say, after this.
        """
        wanted = set(items)
        ids = list({item_id for item_id, _ in items})

        def work(connection: sa.Connection) -> set[Claim]:
            found = self._found(connection, job, ids)
            others = {found[claim] for claim in wanted if found.get(claim, batch) != batch}
            finished = self._finished(connection, job, others)
            now = self._clock()
            if finished:
                connection.execute(
                    sa.update(t.claims)
                    .where(
                        t.claims.c.job == job,
                        t.claims.c.item_id.in_(ids),
                        t.claims.c.batch.in_(finished),
                    )
                    .values(batch=batch, at=now)
                )
            new = [(job, *claim, batch, now) for claim in wanted if claim not in found]
            self._db.insert(connection, t.claims, new)
            return {claim for claim in wanted if found.get(claim) in others - finished}

        return self._db.run(work)

    def _found(self, connection: sa.Connection, job: str, ids: list[str]) -> dict[Claim, str]:
        """Every claim on these items, and the batch that holds it."""
        c = t.claims.c
        rows = connection.execute(
            sa.select(c.item_id, c.input_hash, c.batch).where(c.job == job, c.item_id.in_(ids))
        )
        return {(row.item_id, row.input_hash): row.batch for row in rows}

    def _finished(self, connection: sa.Connection, job: str, batches: set[str]) -> set[str]:
        if not batches:
            return set()
        c = t.batches.c
        rows = connection.execute(
            sa.select(c.batch, c.state).where(c.job == job, c.batch.in_(batches))
        )
        return {row.batch for row in rows if State(row.state).finished}
