"""Batches and their versions: life-cycle state, transitions, frozen specs, where tables lie.

Which transition is legal is decided in `life_cycle.py`; this only records it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .life_cycle import State, check_transition
from .rows import Plan, Transition

_UNPLANNED = dict.fromkeys(
    (
        "work_plan_path", "enriched_path", "report_path", "results_path",
        "planned_at", "started_at", "finished_at",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A batch without its end; `updated_at` in UTC seconds since the epoch."""

    job: str
    batch: str
    state: State
    reason: str
    created_at: float
    updated_at: float


class Batches:
    """Rows of `batches`, `plans`, `transitions` and `completions`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def state(self, job: str, batch: str) -> State | None:
        """State of the batch, None where nobody has heard of it."""
        with self._db.read() as connection:
            value = connection.scalar(
                sa.select(t.batches.c.state).where(
                    t.batches.c.job == job, t.batches.c.batch == batch
                )
            )
        return None if value is None else State(value)

    def last_run(self, job: str, batch: str) -> str:
        """The run that moved the batch last; empty where none did."""
        b = t.batches.c
        with self._db.read() as connection:
            query = sa.select(b.run_id).where(b.job == job, b.batch == batch)
            return connection.scalar(query) or ""

    def changed_at(self, job: str, batch: str) -> float:
        """When the batch came into its state; 0.0 where nobody has heard of it."""
        b = t.batches.c
        with self._db.read() as connection:
            query = sa.select(b.updated_at).where(b.job == job, b.batch == batch)
            return float(connection.scalar(query) or 0.0)

    def unfinished(self) -> list[Unfinished]:
        """Every batch that has no end yet, the oldest first."""
        b = t.batches.c
        ended = [state.value for state in State if state.finished]
        query = (
            sa.select(b.job, b.batch, b.state, b.reason, b.created_at, b.updated_at)
            .where(b.state.not_in(ended))
            .order_by(b.created_at)
        )
        with self._db.read() as connection:
            return [
                Unfinished(**{**row, "state": State(row["state"])})
                for row in connection.execute(query).mappings()
            ]

    def move(
        self,
        job: str,
        batch: str,
        to: State,
        *,
        reason: str = "",
        message: str = "",
        who: str,
        run_id: str,
    ) -> None:
        """Record a transition. A batch that is in the state already stays as it is."""

        def work(connection: sa.Connection) -> None:
            key = sa.and_(t.batches.c.job == job, t.batches.c.batch == batch)
            before = connection.scalar(sa.select(t.batches.c.state).where(key))
            now = self._clock()
            values = {
                "state": to.value,
                "reason": reason,
                "message": message,
                "run_id": run_id,
                "updated_at": now,
            }
            if before is None:
                connection.execute(
                    sa.insert(t.batches).values(job=job, batch=batch, created_at=now, **values)
                )
            else:
                check_transition(State(before), to, f"{job}/{batch}")
                connection.execute(sa.update(t.batches).where(key).values(values))
            if before != to.value:
                version = connection.scalar(_latest_version(job, batch))
                connection.execute(
                    sa.insert(t.transitions).values(
                        job=job,
                        batch=batch,
                        version=version,
                        from_state=before,
                        to_state=to.value,
                        reason=reason,
                        who=who,
                        run_id=run_id,
                        at=now,
                    )
                )

        self._db.run(work)

    def transitions(self, job: str, batch: str) -> list[Transition]:
        """The batch's life so far, oldest first."""
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(t.transitions)
                .where(t.transitions.c.job == job, t.transitions.c.batch == batch)
                .order_by(t.transitions.c.id)
            ).mappings()
            names = Transition.__dataclass_fields__
            return [Transition(**{name: row[name] for name in names}) for row in rows]

    def latest_plan(self, job: str, batch: str) -> Plan | None:
        """The newest version of the batch, finished or not."""
        with self._db.read() as connection:
            row = (
                connection.execute(
                    sa.select(t.plans)
                    .where(t.plans.c.job == job, t.plans.c.batch == batch)
                    .order_by(t.plans.c.version.desc())
                    .limit(1)
                )
                .mappings()
                .first()
            )
        return None if row is None else Plan(**row)

    def finished_before(self, plan: Plan) -> Plan | None:
        """The newest finished version before this one."""
        query = (
            sa.select(t.plans)
            .where(
                t.plans.c.job == plan.job,
                t.plans.c.batch == plan.batch,
                t.plans.c.version < plan.version,
                t.plans.c.finished_at.is_not(None),
            )
            .order_by(t.plans.c.version.desc())
            .limit(1)
        )
        with self._db.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Plan(**row)

    def begin_plan(
        self,
        job: str,
        batch: str,
        *,
        spec: str,
        spec_hash: str,
        mode: str,
        raw_path: str,
        items: int,
        deadline_of: Callable[[float], float | None] = lambda _: None,
    ) -> Plan:
        """A new version, or the newest one where nothing was asked for it yet, emptied.

        `deadline_of`: what a trigger at that instant means. The first version was triggered when
        the batch came into being, a later one is now.
        """

        def work(connection: sa.Connection) -> None:
            version = int(connection.scalar(_latest_version(job, batch)) or 0)
            half, triggered = connection.execute(
                sa.select(t.plans.c.plan_id, t.plans.c.triggered_at).where(
                    t.plans.c.job == job,
                    t.plans.c.batch == batch,
                    t.plans.c.version == version,
                    _UNTOUCHED,
                )
            ).first() or (None, None)
            if triggered is None:
                born = sa.select(t.batches.c.created_at).where(
                    t.batches.c.job == job, t.batches.c.batch == batch
                )
                first = version == 0 or (version == 1 and half is not None)
                triggered = (connection.scalar(born) if first else None) or self._clock()
            values = {
                **_UNPLANNED,
                "triggered_at": triggered,
                "deadline_at": deadline_of(triggered),
                "spec": spec,
                "spec_hash": spec_hash,
                "mode": mode,
                "raw_path": raw_path,
                "items": items,
                "throttled": 0,
            }
            if half is None:
                connection.execute(
                    sa.insert(t.plans).values(job=job, batch=batch, version=version + 1, **values)
                )
                return
            for table in (t.items, t.shards, t.dead_letters):
                connection.execute(sa.delete(table).where(table.c.plan_id == half))
            connection.execute(
                sa.update(t.plans).where(t.plans.c.plan_id == half).values(values)
            )

        self._db.run(work)
        plan = self.latest_plan(job, batch)
        assert plan is not None
        return plan

    def untouched(self, plan: Plan) -> bool:
        """True where no attempt was made and nothing judged: the version can be planned anew."""
        query = sa.select(t.plans.c.plan_id).where(t.plans.c.plan_id == plan.plan_id, _UNTOUCHED)
        with self._db.read() as connection:
            return connection.scalar(query) is not None

    def mark(self, plan_id: int, **values: object) -> None:
        """Set columns of a plan, for example `planned_at` or `enriched_path`."""
        self._db.run(
            lambda connection: connection.execute(
                sa.update(t.plans).where(t.plans.c.plan_id == plan_id).values(values)
            )
        )

    def add_throttled(self, plan_id: int, count: int) -> None:
        self._db.run(
            lambda connection: connection.execute(
                sa.update(t.plans)
                .where(t.plans.c.plan_id == plan_id)
                .values(throttled=t.plans.c.throttled + count)
            )
        )

    def keep_record(self, job: str, batch: str, version: int, run_id: str, record: str) -> None:
        """Keep a completion record (JSON): one for every ending, never overwritten."""
        self._db.run(
            lambda connection: connection.execute(
                sa.insert(t.completions).values(
                    job=job,
                    batch=batch,
                    version=version,
                    run_id=run_id,
                    at=self._clock(),
                    record=record,
                )
            )
        )

    def latest_record(self, job: str, batch: str) -> str | None:
        """The newest completion record of a batch, JSON."""
        with self._db.read() as connection:
            return connection.scalar(
                sa.select(t.completions.c.record)
                .where(t.completions.c.job == job, t.completions.c.batch == batch)
                .order_by(t.completions.c.id.desc())
                .limit(1)
            )

    def newest_records(self, job: str, limit: int, *, before: str | None = None) -> list[str]:
        """The newest completion records of batches of the job that completed, JSON; `before`: of
        those that were kept before the first one of that batch."""
        own = sa.select(sa.func.min(t.completions.c.id)).where(
            t.completions.c.job == job, t.completions.c.batch == before
        )
        with self._db.read() as connection:
            first = None if before is None else connection.scalar(own)
            earlier = sa.true() if first is None else t.completions.c.id < first
            rows = connection.scalars(
                sa.select(t.completions.c.record)
                .join(
                    t.plans,
                    sa.and_(
                        t.plans.c.job == t.completions.c.job,
                        t.plans.c.batch == t.completions.c.batch,
                        t.plans.c.version == t.completions.c.version,
                    ),
                )
                .where(
                    t.completions.c.job == job, t.plans.c.finished_at.is_not(None), earlier
                )
                .order_by(t.completions.c.id.desc())
                .limit(limit)
            )
            return list(rows)

    def note(
        self, who: str, action: str, job: str, batch: str, item_id: str = "", detail: str = ""
    ) -> None:
        """Append to the audit trail: who did or saw what."""
        self._db.run(
            lambda connection: connection.execute(
                sa.insert(t.audit).values(
                    at=self._clock(),
                    who=who,
                    action=action,
                    job=job,
                    batch=batch,
                    item_id=item_id,
                    detail=detail,
                )
            )
        )


_UNTOUCHED = sa.and_(
    t.plans.c.finished_at.is_(None),
    t.plans.c.results_path.is_(None),
    ~sa.exists().where(t.checkpoints.c.plan_id == t.plans.c.plan_id).correlate(t.plans),
)


def _latest_version(job: str, batch: str) -> sa.Select[Any]:
    return sa.select(sa.func.max(t.plans.c.version)).where(
        t.plans.c.job == job, t.plans.c.batch == batch
    )
