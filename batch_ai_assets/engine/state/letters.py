"""Dead letters as people and the export read them. Writing them is `items.py` and the writer."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .rows import Attempt, DeadLetter, DeadLetterRow, Plan, Status

_NAMES = tuple(DeadLetterRow.__dataclass_fields__)


class Letters:
    """Rows of `dead_letters`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(
        self, job: str, batch: str | None = None, *, item_id: str | None = None
    ) -> list[DeadLetterRow]:
        """Dead letters of the newest version of each batch, oldest first."""
        c = t.dead_letters.c
        newest = (
            sa.select(sa.func.max(t.plans.c.version))
            .where(t.plans.c.job == c.job, t.plans.c.batch == c.batch)
            .correlate(t.dead_letters)
            .scalar_subquery()
        )
        query = (
            sa.select(*(c[name] for name in _NAMES))
            .where(c.job == job, c.version == newest)
            .order_by(c.batch, c.seq)
        )
        if batch is not None:
            query = query.where(c.batch == batch)
        if item_id is not None:
            query = query.where(c.item_id == item_id)
        with self._db.read() as connection:
            return [DeadLetterRow(*row) for row in connection.execute(query)]

    def counts(self) -> dict[str, int]:
        """job → dead letters of the newest versions of its batches, of all jobs that have one."""
        d, p = t.dead_letters.c, t.plans.c
        newest = (
            sa.select(p.job, p.batch, sa.func.max(p.version).label("version"))
            .group_by(p.job, p.batch)
            .subquery()
        )
        query = (
            sa.select(d.job, sa.func.count())
            .join(
                newest,
                sa.and_(
                    newest.c.job == d.job, newest.c.batch == d.batch,
                    newest.c.version == d.version,
                ),
            )
            .group_by(d.job)
        )  # fmt: skip
        with self._db.read() as connection:
            return {job: int(count) for job, count in connection.execute(query)}

    def before(self, job: str, batch: str, item_id: str) -> DeadLetterRow | None:
        """The last dead letter of an item, in whatever version of the batch it was one."""
        c = t.dead_letters.c
        query = (
            sa.select(*(c[name] for name in _NAMES))
            .where(c.job == job, c.batch == batch, c.item_id == item_id)
            .order_by(c.version.desc())
            .limit(1)
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else DeadLetterRow(*row)

    def earlier(self, letter: DeadLetterRow) -> list[DeadLetterRow]:
        """Other letters of the item in earlier versions, oldest first: not those that a version
        only took over from the one before."""
        c = t.dead_letters.c
        query = (
            sa.select(*(c[name] for name in _NAMES))
            .where(
                c.job == letter.job, c.batch == letter.batch, c.item_id == letter.item_id,
                c.version < letter.version, c.first_at < letter.first_at,
            )
            .order_by(c.version)
        )  # fmt: skip
        with self._db.read() as connection:
            found = [DeadLetterRow(*row) for row in connection.execute(query)]
        return list({one.first_at: one for one in reversed(found)}.values())[::-1]

    def whole(self, plan: Plan, seqs: Sequence[int]) -> dict[int, DeadLetter]:
        """seq → the dead letter of that item of the version, as it was written."""
        c = t.dead_letters.c
        query = sa.select(
            c.seq, c.item_id, c.request_hash, c.reason, c.message, c.attempts, c.sealed_payload,
            c.sealed_answer, c.first_at,
        ).where(c.plan_id == plan.plan_id, c.seq.in_(seqs))  # fmt: skip
        with self._db.read() as connection:
            return {row.seq: DeadLetter(*row) for row in connection.execute(query)}

    def attempts(self, letter: DeadLetterRow) -> list[Attempt]:
        """Every attempt at the item in the version that the letter belongs to, first to last."""
        c, m = t.checkpoints.c, t.ledger.c
        paid = sa.and_(
            m.plan_id == c.plan_id, m.seq == c.seq, m.part == c.part, m.attempt == c.attempt
        )
        query = (
            sa.select(
                c.attempt,
                c.status,
                c.at,
                sa.func.coalesce(m.tokens_in + m.tokens_out, 0),
                sa.func.coalesce(m.cost_usd, 0.0),
                sa.func.coalesce(m.kind == "written_off", sa.false()),
            )
            .join(t.plans, t.plans.c.plan_id == c.plan_id)
            .outerjoin(t.ledger, paid)
            .where(
                t.plans.c.job == letter.job,
                t.plans.c.batch == letter.batch,
                t.plans.c.version == letter.version,
                c.seq == letter.seq,
            )
            .order_by(c.at, c.part, c.attempt)
        )
        with self._db.read() as connection:
            return [
                Attempt(number, Status(status), at, tokens, cost, bool(written_off))
                for number, status, at, tokens, cost, written_off in connection.execute(query)
            ]

    def revision(self, job: str) -> dict[str, float]:
        """batch → when its dead letters last changed; the sensor compares it with the export."""
        c = t.dead_letters.c
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(c.batch, sa.func.max(c.revision)).where(c.job == job).group_by(c.batch)
            )
            return {batch: float(revision) for batch, revision in rows}
