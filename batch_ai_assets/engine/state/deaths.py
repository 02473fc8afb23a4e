"""Deaths: how often the process of a batch died without coming any further. Reads `transitions`."""

from __future__ import annotations

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .life_cycle import DIED, State
from .rows import Plan


class Deaths:
    """What the life of a batch says of its processes."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def in_a_row(self, plan: Plan, since: float) -> int:
        """Deaths after the last answer of the version, and after `since` (UTC seconds)."""
        s, c = t.transitions.c, t.checkpoints.c
        died = (
            sa.select(s.at)
            .where(
                s.job == plan.job, s.batch == plan.batch, s.at > since,
                s.to_state == State.INTERRUPTED.value, s.reason == DIED,
            )
            .order_by(s.at)
        )  # fmt: skip
        with self._db.read() as connection:
            deaths = list(connection.scalars(died))
            if not deaths:
                return 0
            # Counted from the newest attempt, and looked up only where there is something to count.
            newest = connection.scalar(
                sa.select(sa.func.max(c.at)).where(c.plan_id == plan.plan_id)
            )
        return sum(at > (newest or 0.0) for at in deaths)
