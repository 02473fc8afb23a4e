"""Orders: what a batch was told to do by people, append-only; the newest one stands.

What an order means for a batch at work is `control/steering.py`'s; how one is given,
`engine/ordering.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from ..order import Order, OrderKind
from . import control_tables as ct
from . import tables as t
from .database import Database


class Orders:
    """Rows of `orders`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def add(self, job: str, batch: str, kind: OrderKind, *, who: str, why: str) -> None:
        row = {"kind": kind.value, "why": why, "who": who, "at": self._clock()}
        self._db.run(
            lambda connection: connection.execute(
                sa.insert(ct.orders).values(job=job, batch=batch, **row)
            )
        )

    def standing(self, job: str, batch: str) -> Order | None:
        """The newest order to the batch; None where it was never told anything, or was told
        before the version ended that it was told of."""
        o, p = ct.orders.c, t.plans.c
        over = sa.select(sa.func.max(p.finished_at)).where(p.job == job, p.batch == batch)
        query = (
            sa.select(o.kind, o.why, o.who, o.at)
            .where(o.job == job, o.batch == batch)
            .where(o.at > sa.func.coalesce(over.scalar_subquery(), 0.0))
            .order_by(o.id.desc())
            .limit(1)
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Order(OrderKind(row.kind), row.why, row.who, row.at)
