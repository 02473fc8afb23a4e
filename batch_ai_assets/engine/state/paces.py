"""Paces: how far a version was at moments of its runs. Rows of `paces`.

What follows from them is `control/projection.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from . import control_tables as t
from .database import Database
from .rows import Plan

_KEPT = 200
"""So many of the newest are read: half an hour."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a version was at a moment; UTC seconds since the epoch."""

    at: float
    done: int
    """Items that need no further call."""
    left: int
    run_id: str
    in_flight: int = 0
    calls: int = 0
    """Answered in this run."""
    throttled: int = 0
    """Turned away in this run."""


class Paces:
    """Rows of `paces`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def add(
        self, plan: Plan, run_id: str, *, done: int, left: int, in_flight: int = 0,
        calls: int = 0, throttled: int = 0,
    ) -> None:  # fmt: skip
        row = {
            "plan_id": plan.plan_id, "at": self._clock(), "done": done, "left": left,
            "in_flight": in_flight, "calls": calls, "throttled": throttled, "run_id": run_id,
        }  # fmt: skip
        p = t.paces.c

        def work(connection: sa.Connection) -> None:
            same = sa.and_(p.plan_id == plan.plan_id, p.at == row["at"])
            connection.execute(sa.delete(t.paces).where(same))
            connection.execute(sa.insert(t.paces).values(row))

        self._db.run(work)

    def of(self, plan: Plan) -> list[Sample]:
        """The newest ones of this version, oldest first."""
        p = t.paces.c
        columns = (p.at, p.done, p.left, p.run_id, p.in_flight, p.calls, p.throttled)
        query = (
            sa.select(*columns)
            .where(p.plan_id == plan.plan_id)
            .order_by(p.at.desc())
            .limit(_KEPT)
        )
        with self._db.read() as connection:
            return [Sample(*row) for row in connection.execute(query)][::-1]
