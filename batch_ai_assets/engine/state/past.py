"""Past: versions that were completed, how long each took and whether it was in time.

Rows of `plans`; what follows from them is `control/growth.py`'s and `validation/sla_check.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from . import control_tables as c
from . import tables as t
from .database import Database


@dataclass(frozen=True, slots=True)
class Past:
    """A version that was completed; instants in UTC seconds since the epoch."""

    plan_id: int
    version: int
    items: int
    started_at: float
    finished_at: float
    triggered_at: float
    deadline_at: float | None
    """With what an approval has made of it; None where it had none."""

    @property
    def seconds(self) -> float:
        """How long it was worked on, pauses included."""
        return self.finished_at - self.started_at

    @property
    def allowed_seconds(self) -> float | None:
        """From its trigger to its deadline."""
        return None if self.deadline_at is None else self.deadline_at - self.triggered_at

    @property
    def in_time(self) -> bool | None:
        """None where it had no deadline."""
        return None if self.deadline_at is None else self.finished_at <= self.deadline_at


class PastVersions:
    """What the state store still knows of a job's versions."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, job: str, limit: int) -> list[Past]:
        """The newest ones that were completed, oldest first."""
        p, a = t.plans.c, c.approvals.c
        plans = (
            sa.select(t.plans)
            .where(p.job == job, p.finished_at.is_not(None))
            .order_by(p.plan_id.desc())
            .limit(limit)
        )
        put_off = (
            sa.select(a.batch, a.version, a.deadline_at)
            .where(a.job == job, a.deadline_at.is_not(None))
            .order_by(a.id)
        )
        with self._db.read() as connection:
            rows = connection.execute(plans).all()[::-1]
            later = {
                (batch, version): due for batch, version, due in connection.execute(put_off)
            }
        return [
            Past(
                plan_id=row.plan_id,
                version=row.version,
                items=row.items,
                started_at=(began := row.started_at or row.planned_at or row.finished_at),
                finished_at=row.finished_at,
                triggered_at=row.triggered_at or began,
                deadline_at=later.get((row.batch, row.version), row.deadline_at),
            )
            for row in rows
        ]
