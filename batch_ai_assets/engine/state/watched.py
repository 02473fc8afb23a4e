"""Watched: since when somebody looks whether the windows of a job get their batches.

Rows of `watched_jobs`. Which windows are missing is `control/missing.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from . import control_tables as t
from .database import Database


class Watched:
    """One row for each job that was ever looked at."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def since(self, job: str) -> float:
        """When it was first looked at; now, if it never was."""
        w = t.watched_jobs

        def work(connection: sa.Connection) -> float:
            known = connection.scalar(sa.select(w.c.since).where(w.c.job == job))
            if known is not None:
                return float(known)
            now = self._clock()
            connection.execute(sa.insert(w).values(job=job, since=now))
            return now

        with self._db.read() as connection:
            known = connection.scalar(sa.select(w.c.since).where(w.c.job == job))
        return self._db.run(work) if known is None else float(known)
