"""Consumer events: what those who read the results are told, once for each version and kind.

Rows of `consumer_events`. What stands in one is `engine/consumers.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from . import control_tables as t
from .database import Database


@dataclass(frozen=True, slots=True)
class ConsumerEvent:
    """One event; times in UTC seconds since the epoch."""

    id: int
    job: str
    batch: str
    version: int
    kind: str
    body: Mapping[str, Any]
    at: float
    told_at: float | None
    """When the webhook took it; None: it has not."""


class ConsumerEvents:
    """Rows of `consumer_events`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def add(
        self, job: str, batch: str, version: int, kind: str, body: Mapping[str, Any]
    ) -> bool:
        """False where the version had its event of this kind already."""
        c = t.consumer_events
        key = {"job": job, "batch": batch, "version": version, "kind": kind}

        def work(connection: sa.Connection) -> bool:
            known = sa.select(c.c.id).where(*(c.c[name] == value for name, value in key.items()))
            if connection.scalar(known) is not None:
                return False
            row = {**key, "body": orjson.dumps(body).decode(), "at": self._clock()}
            connection.execute(sa.insert(c).values(row))
            return True

        return self._db.run(work)

    def of(self, job: str, batch: str) -> list[ConsumerEvent]:
        """Of a batch, oldest first."""
        c = t.consumer_events.c
        return self._where(c.job == job, c.batch == batch)

    def untold(self) -> list[ConsumerEvent]:
        """Those that no webhook has taken, oldest first."""
        return self._where(t.consumer_events.c.told_at.is_(None))

    def told(self, event: ConsumerEvent) -> None:
        """The webhook has taken it."""
        c = t.consumer_events
        self._db.run(
            lambda connection: connection.execute(
                sa.update(c).where(c.c.id == event.id).values(told_at=self._clock())
            )
        )

    def _where(self, *conditions: sa.ColumnElement[bool]) -> list[ConsumerEvent]:
        c = t.consumer_events
        query = sa.select(c).where(*conditions).order_by(c.c.id)
        with self._db.read() as connection:
            return [
                ConsumerEvent(**{**row, "body": orjson.loads(row["body"])})
                for row in connection.execute(query).mappings()
            ]
