"""Askers: which batches ask a question of the same kind now, and who of them goes first.

Two batches that meet over the same document must not both pay for it. Whoever began first asks;
the others leave its documents to it and take the answers from the store. Nothing is written per
item: what the first still has to ask is what its manifest says is pending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..figures import End
from . import tables as t
from .database import Database
from .leases import Lease, lives
from .rows import Plan

if TYPE_CHECKING:
    import numpy as np

_ROWS_PER_READ = 50_000


class Askers:
    """Rows of `askers`. One that died is no asker: its lease says so."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def begin(self, plan: Plan, kind: bytes, run_id: str) -> int:
        """The version begins, or goes on, to ask questions of this kind; its place in the order.

        Transactions that write follow each other, so whoever comes later sees who is there.
        """
        mine = sa.and_(t.askers.c.plan_id == plan.plan_id, t.askers.c.kind == kind)

        def work(connection: sa.Connection) -> int:
            connection.execute(sa.delete(t.askers).where(mine))
            last = connection.scalar(sa.select(sa.func.max(t.askers.c.turn))) or 0
            row = {"plan_id": plan.plan_id, "kind": kind, "turn": last + 1, "run_id": run_id}
            connection.execute(sa.insert(t.askers).values(row))
            return int(last) + 1

        return self._db.run(work)

    def end(self, plan: Plan, kind: bytes, run_id: str) -> None:
        """It asks no more."""
        self._db.run(
            lambda connection: connection.execute(
                sa.delete(t.askers).where(
                    t.askers.c.plan_id == plan.plan_id,
                    t.askers.c.kind == kind,
                    t.askers.c.run_id == run_id,
                )
            )
        )

    def ahead(self, kind: bytes, turn: int) -> list[int]:
        """Plan ids of the living askers of this kind that began before this turn."""
        a, p, h = t.askers.c, t.plans.c, t.leases.c
        query = (
            sa.select(a.plan_id, *t.leases.c)
            .join(t.plans, p.plan_id == a.plan_id)
            .join(
                t.leases, sa.and_(h.job == p.job, h.batch == p.batch, h.run_id == a.run_id)
            )
            .where(a.kind == kind, a.turn < turn)
        )
        with self._db.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [
            plan_id
            for row in rows
            if (plan_id := int(row.pop("plan_id"))) and lives(Lease(**row), self._clock())
        ]

    def pending(self, plan_ids: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The documents that these versions have no end for yet: `document_key` of each, sorted."""
        import numpy as np

        found = [np.fromiter(keys, np.int64) for keys in self._keys(plan_ids)]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)

    def _keys(self, plan_ids: list[int]) -> Iterator[list[int]]:
        i = t.items.c
        for plan_id in plan_ids:
            after = -1
            while True:
                with self._db.read() as connection:
                    rows = connection.execute(
                        sa.select(i.seq, i.input_hash)
                        .where(i.plan_id == plan_id, i.end == End.PENDING, i.seq > after)
                        .order_by(i.seq)
                        .limit(_ROWS_PER_READ)
                    ).all()
                if not rows:
                    break
                after = rows[-1].seq
                yield [document_key(row.input_hash) for row in rows]


def document_key(input_hash: bytes) -> int:
    """Eight bytes of a document's hash as a number: enough to wait for, not to answer by."""
    return int.from_bytes(input_hash[:8], "big", signed=True)
