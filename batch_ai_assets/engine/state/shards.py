"""Shards of a batch version: of which group each is, and how much work it holds by estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .rows import Plan, ShardRow


class Shards:
    """Rows of `shards`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, plan: Plan, rows: Sequence[ShardRow]) -> None:
        """The shards of the version, in place of what a cut-off planning left."""

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(t.shards).where(t.shards.c.plan_id == plan.plan_id))
            self._db.insert(connection, t.shards, [(plan.plan_id, *astuple(row)) for row in rows])

        self._db.run(work)

    def of(self, plan: Plan) -> list[ShardRow]:
        """The shards of the version, by number."""
        c = t.shards.c
        query = (
            sa.select(
                c.shard, c.group_name, c.to_ask, c.tokens_in, c.truncated, c.divided, c.calls
            )
            .where(c.plan_id == plan.plan_id)
            .order_by(c.shard)
        )
        with self._db.read() as connection:
            return [ShardRow(*tuple(row)) for row in connection.execute(query)]
