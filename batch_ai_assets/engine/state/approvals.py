"""Approvals: what a person allows a version of a batch beyond its job; append-only.

An approval may change budget and deadline, and nothing else of a frozen job. Of each, the newest
that names it counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from . import control_tables as t
from .database import Database
from .rows import Plan

_NAMES = ("limit_usd", "limit_tokens", "deadline_at", "why", "who", "at")


@dataclass(frozen=True, slots=True)
class Approval:
    """What was allowed, by whom and why; times in UTC seconds since the epoch."""

    limit_usd: float | None
    limit_tokens: int | None
    deadline_at: float | None
    why: str
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class Allowed:
    """All approvals of a version together; None where no one speaks of it."""

    limit_usd: float | None = None
    limit_tokens: int | None = None
    deadline_at: float | None = None
    more_at: float | None = None
    """When the newest was given that speaks of USD or tokens."""


class Approvals:
    """Rows of `approvals`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def add(
        self, plan: Plan, *, who: str, why: str, limit_usd: float | None = None,
        limit_tokens: int | None = None, deadline_at: float | None = None,
    ) -> None:  # fmt: skip
        row = {
            "job": plan.job, "batch": plan.batch, "version": plan.version,
            "limit_usd": limit_usd, "limit_tokens": limit_tokens, "deadline_at": deadline_at,
            "why": why, "who": who, "at": self._clock(),
        }  # fmt: skip
        self._db.run(
            lambda connection: connection.execute(sa.insert(t.approvals).values(row))
        )

    def of(self, plan: Plan) -> list[Approval]:
        """Of this version, oldest first."""
        with self._db.read() as connection:
            return _of(connection, plan)

    def allowed(self, plan: Plan) -> Allowed:
        """What stands, all approvals of this version taken together."""
        with self._db.read() as connection:
            return allowed_now(connection, plan)


def allowed_now(connection: sa.Connection, plan: Plan) -> Allowed:
    """What stands within a transaction."""
    stands = Allowed()
    for one in _of(connection, plan):
        stands = Allowed(
            stands.limit_usd if one.limit_usd is None else one.limit_usd,
            stands.limit_tokens if one.limit_tokens is None else one.limit_tokens,
            stands.deadline_at if one.deadline_at is None else one.deadline_at,
            one.at if one.limit_usd or one.limit_tokens else stands.more_at,
        )
    return stands


_a = t.approvals.c
_OF = (
    sa.select(*(_a[name] for name in _NAMES))
    .where(
        _a.job == sa.bindparam("job"),
        _a.batch == sa.bindparam("batch"),
        _a.version == sa.bindparam("version"),
    )
    .order_by(_a.id)
)


def _of(connection: sa.Connection, plan: Plan) -> list[Approval]:
    named = {"job": plan.job, "batch": plan.batch, "version": plan.version}
    return [Approval(*row) for row in connection.execute(_OF, named)]
