"""StateStore: the state store as the rest of the engine sees it, one attribute per noun.

SQL lives in the modules of those nouns; here are only the views that span several of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from ..figures import BatchFigures, Conservation, End
from ..sealing import Sealer
from . import tables as t
from .accounts import Accounts
from .alerts import Alerts
from .answers import Answers
from .approvals import Approvals
from .arrivals import Arrivals
from .askers import Askers
from .batches import Batches
from .boosts import Boosts
from .budgets import Budgets
from .claims import Claims
from .consumer_events import ConsumerEvents
from .database import Database
from .deaths import Deaths
from .decisions import Decisions
from .disagreements import disagreements
from .items import Items
from .leases import Leases
from .letters import Letters
from .life_cycle import State
from .orders import Orders
from .outages import Outages
from .oversight import Oversight
from .paces import Paces
from .past import PastVersions
from .releases import Releases
from .rows import USABLE, BatchRow, DeadLetterRow, Plan, Status, Transition
from .send_slots import SendSlots
from .shards import Shards
from .spendings import Spendings
from .watched import Watched
from .writer import Writer


class StateStore:
    """The durable truth about every batch. Raises StateError where it cannot be reached."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self.database = database
        self.clock = clock
        self.batches = Batches(database, clock)
        self.items = Items(database, clock)
        self.claims = Claims(database, clock)
        self.shards = Shards(database)
        self.arrivals = Arrivals(database, clock)
        self.answers = Answers(database)
        self.accounts = Accounts(database)
        self.oversight = Oversight(database)
        self.spendings = Spendings(database)
        self.alerts = Alerts(database, clock)
        self.askers = Askers(database, clock)
        self.approvals = Approvals(database, clock)
        self.budgets = Budgets(database, clock)
        self.orders = Orders(database, clock)
        self.paces = Paces(database, clock)
        self.boosts = Boosts(database, clock)
        self.consumer_events = ConsumerEvents(database, clock)
        self.past = PastVersions(database)
        self.watched = Watched(database, clock)
        self.outages = Outages(database, clock)
        self.deaths = Deaths(database)
        self.letters = Letters(database)
        self.decisions = Decisions(database, clock)
        self.leases = Leases(database, clock)
        self.releases = Releases(database, clock)
        self.send_slots = SendSlots(database.url)

    @classmethod
    def open(cls, url: str, patience_seconds: float = 60.0) -> StateStore:
        """Open the store at `url`, making its tables if they are missing."""
        database = Database(url, patience_seconds)
        database.prepare()
        return cls(database)

    def close(self) -> None:
        self.send_slots.close()
        self.database.close()

    def writer(self, plan: Plan, sealer: Sealer) -> Writer:
        return Writer(self.database, plan, sealer)

    def conservation(self, plan: Plan) -> Conservation:
        """Every item of the version, counted by where it stands."""
        with self.database.read() as connection:
            return _conservation(connection, plan)

    def figures(self, job: str, batch: str) -> BatchFigures:
        """What happened in the newest version of the batch; zeros where nothing is planned."""
        plan = self.batches.latest_plan(job, batch)
        if plan is None:
            return BatchFigures(Conservation(0))
        with self.database.read() as connection:
            return BatchFigures(
                conservation=_conservation(connection, plan),
                throttled=plan.throttled,
                dead_by_reason=_by_reason(connection, plan.plan_id, End.DEAD),
                carried_by_reason=_by_reason(
                    connection, plan.plan_id, End.DEAD, t.items.c.shard < 0
                ),
                skipped_by_reason=_by_reason(connection, plan.plan_id, End.SKIPPED),
                **_spent(connection, plan.plan_id),
                **_attempts(connection, plan.plan_id),
            )

    def examine(self, plan: Plan) -> dict[str, int]:
        """Disagreements between tables of the store, counted; for fsck."""
        with self.database.read() as connection:
            return {
                said: int(connection.scalar(query) or 0)
                for said, query in disagreements(plan).items()
            }

    def overview(
        self,
        job: str | None = None,
        batch: str | None = None,
        *,
        limit: int | None = None,
        since: float | None = None,
    ) -> list[BatchRow]:
        """Batches at a glance, the most recently touched first; each costs some queries.

        `since`: those without an end, and those touched since then (UTC seconds).
        """
        b = t.batches.c
        query = sa.select(t.batches).order_by(b.updated_at.desc()).limit(limit)
        if job is not None:
            query = query.where(b.job == job)
        if batch is not None:
            query = query.where(b.batch == batch)
        if since is not None:
            ended = [state.value for state in State if state.finished]
            query = query.where(sa.or_(b.state.not_in(ended), b.updated_at >= since))
        with self.database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [self._glance(row) for row in rows]

    def _glance(self, row: Mapping[str, object]) -> BatchRow:
        job, batch = str(row["job"]), str(row["batch"])
        plan = self.batches.latest_plan(job, batch)
        lease = self.leases.holder(job, batch)
        with self.database.read() as connection:
            spent = _spent(connection, plan.plan_id if plan else None)
            several = plan is not None and plan.version > 1
            cost = _cost_of_all_versions(connection, job, batch) if several else spent["cost_usd"]
        return BatchRow(
            job=job,
            batch=batch,
            version=plan.version if plan else 0,
            state=str(row["state"]),
            reason=str(row["reason"]),
            message=str(row["message"]),
            run_id=str(row["run_id"]),
            conservation=self.conservation(plan) if plan else Conservation(0),
            cost_usd=spent["cost_usd"],
            cost_usd_all_versions=cost,
            tokens=spent["tokens_in"] + spent["tokens_out"],
            tokens_cached=spent["tokens_cached"],
            cache_saved_usd=spent["cache_saved_usd"],
            started_at=plan.started_at if plan else None,
            updated_at=float(str(row["updated_at"])),
            holder=lease.holder if lease else None,
        )

    def dead_letters(
        self, job: str, batch: str | None = None, *, item_id: str | None = None
    ) -> list[DeadLetterRow]:
        return self.letters.of(job, batch, item_id=item_id)

    def dead_letter_revision(self, job: str) -> dict[str, float]:
        return self.letters.revision(job)

    def transitions(self, job: str, batch: str) -> list[Transition]:
        return self.batches.transitions(job, batch)


def _conservation(connection: sa.Connection, plan: Plan) -> Conservation:
    rows = connection.execute(
        sa.select(t.items.c.end, sa.func.count())
        .where(t.items.c.plan_id == plan.plan_id)
        .group_by(t.items.c.end)
    )
    counts = {str(end): int(count) for end, count in rows}
    return Conservation(plan.items, **{end.value: counts.get(end, 0) for end in End})


def _by_reason(
    connection: sa.Connection, plan_id: int, end: End, *where: sa.ColumnElement[bool]
) -> dict[str, int]:
    rows = connection.execute(
        sa.select(t.items.c.reason, sa.func.count())
        .where(t.items.c.plan_id == plan_id, t.items.c.end == end, *where)
        .group_by(t.items.c.reason)
        .order_by(sa.func.count().desc(), t.items.c.reason)
    )
    return {str(reason): int(count) for reason, count in rows}


def _attempts(connection: sa.Connection, plan_id: int) -> dict[str, int]:
    """Counts over checkpoints: one row is one attempt at one item, or at one part of it.

    Answers from the store and merged ones are no call; of items that shared a request, the one at
    place 0 stands for the call.
    """
    c = t.checkpoints.c
    call = c.status.not_in([Status.FROM_STORE, Status.MERGED])
    failed = c.status.in_([Status.TRANSIENT, Status.INVALID, Status.DEAD])
    row = connection.execute(
        sa.select(
            sa.func.count(sa.distinct(sa.case((call, c.seq)))),
            sa.func.count(sa.distinct(sa.case((sa.and_(failed, c.attempt == 1), c.seq)))),
            sa.func.count(sa.case((c.status.in_(USABLE), 1))),
            sa.func.count(sa.case((c.status == Status.FROM_STORE, 1))),
            sa.func.count(sa.case((sa.and_(call, c.place == 0), 1))),
            sa.func.count(sa.case((sa.and_(call, c.attempt > 1), 1))),
            sa.func.count(sa.case((sa.and_(c.attempt < 0, c.place == 0), 1))),
        ).where(c.plan_id == plan_id)
    ).one()
    names = ("asked", "first_try_failed", "answered", "from_store", "calls", "retries", "split")
    return dict(zip(names, map(int, row), strict=True))


def _spent(connection: sa.Connection, plan_id: int | None) -> dict[str, Any]:
    """Sums over the ledger of a version, zeros without one: tokens, USD, and what the provider's
    prompt cache saved of them."""
    m = t.ledger.c
    row = connection.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(m.tokens_in), 0),
            sa.func.coalesce(sa.func.sum(m.tokens_out), 0),
            sa.func.coalesce(sa.func.sum(m.tokens_cached), 0),
            sa.func.coalesce(sa.func.sum(m.cost_usd), 0.0),
            sa.func.coalesce(sa.func.sum(m.saved_usd), 0.0),
        ).where(m.plan_id == plan_id)
    ).one()
    tokens_in, tokens_out, tokens_cached, cost_usd, saved_usd = row
    return {
        "tokens_in": int(tokens_in),
        "tokens_out": int(tokens_out),
        "tokens_cached": int(tokens_cached),
        "cost_usd": float(cost_usd),
        "cache_saved_usd": float(saved_usd),
    }


def _cost_of_all_versions(connection: sa.Connection, job: str, batch: str) -> float:
    p, m = t.plans.c, t.ledger.c
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(m.cost_usd), 0.0))
        .join(t.plans, p.plan_id == m.plan_id)
        .where(p.job == job, p.batch == batch)
    )
    return float(connection.scalar(query) or 0.0)
