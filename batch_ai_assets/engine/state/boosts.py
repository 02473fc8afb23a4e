"""Boosts: how a version is hurried while its deadline is in danger. Rows of `boosts`.

When it is, is `control/sla.py`'s; its run reads it (`inference/steered.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from . import control_tables as t
from .database import Database
from .rows import Plan


@dataclass(frozen=True, slots=True)
class Boost:
    """What a run may do that it else would not."""

    concurrency: int
    """Calls in flight at once; never fewer than the job's, never more than its limits."""
    urgent: bool = False
    """It gets the share of an urgent job in the limits of its provider."""


class Boosts:
    """Rows of `boosts`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def raise_to(self, plan: Plan, boost: Boost) -> bool:
        """From now on at least so much; True where that is more than before."""
        b = t.boosts

        def work(connection: sa.Connection) -> bool:
            row = connection.execute(
                sa.select(b.c.concurrency, b.c.urgent).where(b.c.plan_id == plan.plan_id)
            ).first()
            before = Boost(0) if row is None else Boost(row.concurrency, row.urgent)
            after = Boost(
                max(before.concurrency, boost.concurrency), before.urgent or boost.urgent
            )
            if after == before:
                return False
            values = {
                "concurrency": after.concurrency, "urgent": after.urgent, "at": self._clock(),
            }  # fmt: skip
            if row is None:
                connection.execute(sa.insert(b).values(plan_id=plan.plan_id, **values))
            else:
                connection.execute(
                    sa.update(b).where(b.c.plan_id == plan.plan_id).values(values)
                )
            return True

        return self._db.run(work)

    def of(self, plan: Plan) -> Boost | None:
        b = t.boosts.c
        query = sa.select(b.concurrency, b.urgent).where(b.plan_id == plan.plan_id)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Boost(row.concurrency, bool(row.urgent))
