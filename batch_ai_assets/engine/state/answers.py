"""Answers and checkpoints: what was paid for, looked up in chunks and read back in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .rows import (
    USABLE,
    EnrichedRow,
    KeptAnswer,
    Mark,
    PartRow,
    Plan,
    SealedAnswer,
    Status,
    StoredAnswer,
)


class Answers:
    """Rows of `answers`, `checkpoints` and `ledger`. Writing them is the writer's."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def look_up(self, hashes: Sequence[bytes]) -> dict[bytes, StoredAnswer]:
        """request hash → its newest stored answer, for those that have one."""
        if not hashes:
            return {}
        wanted = set(hashes)
        keys = tuple(map(hash_key, hashes))
        with self._db.read() as connection:
            mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
            # As text made once: as an expression it costs more than the search itself.
            rows = connection.exec_driver_sql(_look_up_sql(len(keys), mark), keys).all()
        return {row[1]: StoredAnswer(*row) for row in rows if row[1] in wanted}

    def kept(self, hashes: Sequence[bytes]) -> dict[bytes, KeptAnswer]:
        """request hash → its newest stored answer, whole, for those that have one."""
        a, wanted = t.answers.c, set(hashes)
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(a.request_hash, a.sealed, a.confidence, a.tokens_in, a.tokens_out)
                .where(a.hash_key.in_([hash_key(value) for value in hashes]), ~_withdrawn())
                .order_by(a.answer_id)
            )
            return {
                row.request_hash: KeptAnswer(*row) for row in rows if row.request_hash in wanted
            }

    def by_id(self, number: int) -> KeptAnswer:
        """One stored answer, whole."""
        a = t.answers.c
        with self._db.read() as connection:
            row = connection.execute(
                sa.select(a.request_hash, a.sealed, a.confidence, a.tokens_in, a.tokens_out)
                .where(a.answer_id == number)
            ).one()
        return KeptAnswer(*row)

    def parts(self, plan: Plan, seq: int) -> list[PartRow]:
        """Every attempt at the parts of one item in this version, in their order."""
        c, a = t.checkpoints.c, t.answers.c
        query = (
            sa.select(
                c.part, c.attempt,
                a.request_hash, a.sealed, a.confidence, a.tokens_in, a.tokens_out,
            )
            .outerjoin(
                t.answers, sa.and_(a.answer_id == c.answer_id, c.status == Status.PART)
            )
            .where(c.plan_id == plan.plan_id, c.seq == seq, c.part > 0)
            .order_by(c.part, c.attempt)
        )  # fmt: skip
        with self._db.read() as connection:
            return [
                PartRow(part, attempt, KeptAnswer(*answer) if answer[0] is not None else None)
                for part, attempt, *answer in connection.execute(query)
            ]

    def enriched(self, plan: Plan, rows_per_read: int = 1000) -> Iterator[list[EnrichedRow]]:
        """Every answered item of the version with its answer, by seq, a chunk at a time."""
        c, a, i, m = t.checkpoints.c, t.answers.c, t.items.c, t.ledger.c
        p = t.ledger.alias().c
        paid_for_parts = (
            sa.select(sa.func.sum(p.cost_usd))
            .where(p.plan_id == c.plan_id, p.seq == c.seq, p.part > 0)
            .correlate(t.checkpoints)
            .scalar_subquery()
        )
        query = (
            sa.select(
                c.seq, i.item_id, i.input_hash, c.request_hash, c.attempt, c.shard, c.worker,
                c.status, c.at, a.sealed, a.confidence, a.tokens_in, a.tokens_out,
                sa.func.coalesce(m.cost_usd, paid_for_parts, 0.0),
            )
            .join(t.items, sa.and_(i.plan_id == c.plan_id, i.seq == c.seq))
            .join(t.answers, a.answer_id == c.answer_id)
            .outerjoin(
                t.ledger,
                sa.and_(
                    m.plan_id == c.plan_id, m.seq == c.seq, m.part == c.part,
                    m.attempt == c.attempt,
                ),
            )
            .where(c.plan_id == plan.plan_id, c.status.in_(USABLE))
            .order_by(c.seq)
            .limit(rows_per_read)
        )  # fmt: skip
        after = -1
        while True:
            with self._db.read() as connection:
                rows = connection.execute(query.where(c.seq > after)).all()
            chunk = [EnrichedRow(*tuple(row)) for row in rows]
            if not chunk:
                return
            yield chunk
            after = chunk[-1].seq

    def of_item(self, plan: Plan, seq: int) -> SealedAnswer:
        """The usable answer of one item of the version."""
        with self._db.read() as connection:
            row = connection.execute(
                sa.select(t.answers.c.request_hash, t.answers.c.sealed)
                .join(t.checkpoints, t.checkpoints.c.answer_id == t.answers.c.answer_id)
                .where(
                    t.checkpoints.c.plan_id == plan.plan_id,
                    t.checkpoints.c.seq == seq,
                    t.checkpoints.c.status.in_(USABLE),
                )
            ).one()
        return SealedAnswer(*tuple(row))

    def marks(self, plan: Plan) -> dict[int, Mark]:
        """seq → what a person said of the item's usable answer; the items of which one did."""
        c, m = t.checkpoints.c, t.answer_marks.c
        query = (
            sa.select(c.seq, m.mark)
            .join(t.answer_marks, m.answer_id == c.answer_id)
            .where(c.plan_id == plan.plan_id, c.status.in_(USABLE), m.mark != Mark.WITHDRAWN)
        )
        with self._db.read() as connection:
            return {seq: Mark(mark) for seq, mark in connection.execute(query)}

    def spent(self, plan: Plan) -> tuple[float, int]:
        """(USD, tokens) that this version has cost so far, written-off bounds included."""
        with self._db.read() as connection:
            cost, tokens = connection.execute(
                sa.select(
                    sa.func.coalesce(sa.func.sum(t.ledger.c.cost_usd), 0.0),
                    sa.func.coalesce(
                        sa.func.sum(t.ledger.c.tokens_in + t.ledger.c.tokens_out), 0
                    ),
                ).where(t.ledger.c.plan_id == plan.plan_id)
            ).one()
        return float(cost), int(tokens)


@lru_cache(maxsize=1024)
def _look_up_sql(hashes: int, mark: str) -> str:
    marks = ", ".join([mark] * hashes)
    return (
        "SELECT answer_id, request_hash, tokens_in, tokens_out FROM answers "
        f"WHERE hash_key IN ({marks}) AND NOT EXISTS (SELECT 1 FROM answer_marks "
        f"WHERE answer_marks.answer_id = answers.answer_id AND mark = '{Mark.WITHDRAWN}') "
        "ORDER BY answer_id"
    )


def _withdrawn() -> sa.ColumnElement[bool]:
    m = t.answer_marks.c
    return (
        sa.exists()
        .where(m.answer_id == t.answers.c.answer_id, m.mark == Mark.WITHDRAWN)
        .correlate(t.answers)
    )


def writer_bits() -> int:
    """What tells the ids of one writer from those of others that store in the same microsecond.

    Two writers in a thousand draw the same: who finds an id taken draws anew.
    """
    return int.from_bytes(os.urandom(2), "big") & 0x3FF


def answer_id(microseconds: int, bits: int) -> int:
    """The id of an answer that the writer with these `bits` stores at this time."""
    return microseconds << 10 | bits


def hash_key(request_hash: bytes) -> int:
    """The first 8 bytes as a signed integer: what the index holds."""
    return int.from_bytes(request_hash[:8], "big", signed=True)
