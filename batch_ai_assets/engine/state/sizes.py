"""How large the batches of a job were: what the size of the next one is measured against."""

from __future__ import annotations

import sqlalchemy as sa

from . import tables as t
from .database import Database


def earlier_sizes(database: Database, job: str, batch: str, limit: int = 10) -> list[int]:
    """Items of the last batches of `job` that were planned before `batch` was, newest first.

    A batch counts once, with its newest version, however often it was run.
    """
    plans = t.plans.c
    own = sa.select(sa.func.min(plans.plan_id)).where(plans.job == job, plans.batch == batch)
    newest = sa.select(sa.func.max(plans.plan_id)).where(
        plans.job == job, plans.batch != batch, plans.planned_at.is_not(None)
    )
    with database.read() as connection:
        first = connection.scalar(own)
        if first is not None:
            newest = newest.where(plans.plan_id < first)
        rows = connection.execute(
            sa.select(plans["items"])
            .where(plans.plan_id.in_(newest.group_by(plans.batch)))
            .order_by(plans.plan_id.desc())
            .limit(limit)
        )
        return [int(items) for (items,) in rows]
