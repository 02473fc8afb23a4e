"""Items of a batch version: the manifest, what is still to do, every item's end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from ..figures import End
from . import tables as t
from .database import Database
from .rows import USABLE, DeadLetter, ItemRow, Plan, Status, ToDo

_NEEDS_NO_CALL = (*USABLE, Status.DEAD)

_values = attrgetter(*ItemRow.__dataclass_fields__)
"""Not `astuple`, which copies every value: a sixth of the time that planning takes."""
_seq = attrgetter("seq")


class Items:
    """Rows of `items`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def add(self, plan: Plan, rows: Sequence[ItemRow], letters: Sequence[DeadLetter]) -> None:
        """Append to the manifest, with the dead letters of items that end before any call."""

        def work(connection: sa.Connection) -> None:
            self._db.insert(
                connection, t.items, [(plan.plan_id, *_values(row)) for row in rows]
            )
            self._db.insert(
                connection, t.dead_letters, [letter_row(plan, letter) for letter in letters]
            )

        self._db.run(work)

    def cancel_pending(self, plan: Plan) -> None:
        """Nothing that is pending will be asked: a person gave the batch up."""
        i = t.items.c
        self._db.run(
            lambda connection: connection.execute(
                sa.update(t.items)
                .where(i.plan_id == plan.plan_id, i.end == End.PENDING)
                .values(end=End.CANCELLED)
            )
        )

    def released_elsewhere(
        self, job: str, batch: str, item_ids: Sequence[str]
    ) -> dict[str, bytes]:
        """item_id → request hash of its newest released row, where another batch released it."""
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(t.released.c.item_id, t.released.c.request_hash).where(
                    t.released.c.job == job,
                    t.released.c.batch != batch,
                    t.released.c.item_id.in_(item_ids),
                )
            )
            return {row.item_id: row.request_hash for row in rows}

    def open_dead_letters(
        self, job: str, batch: str, item_ids: Sequence[str]
    ) -> set[tuple[str, bytes]]:
        """(item_id, request hash) of open dead letters of other batches' newest versions."""
        newest = (
            sa.select(sa.func.max(t.plans.c.version))
            .where(
                t.plans.c.job == t.dead_letters.c.job, t.plans.c.batch == t.dead_letters.c.batch
            )
            .correlate(t.dead_letters)
            .scalar_subquery()
        )
        with self._db.read() as connection:
            rows = connection.execute(
                sa.select(t.dead_letters.c.item_id, t.dead_letters.c.request_hash).where(
                    t.dead_letters.c.job == job,
                    t.dead_letters.c.batch != batch,
                    t.dead_letters.c.status == "open",
                    t.dead_letters.c.version == newest,
                    t.dead_letters.c.item_id.in_(item_ids),
                )
            )
            return {(row.item_id, row.request_hash) for row in rows}

    def to_do(
        self, plan: Plan, shards: Sequence[int], after: int, limit: int, priority: int | None = None
    ) -> list[ToDo]:
        """The next `limit` items of these shards after seq `after` that need a call, by seq.

        `priority`: of this priority alone.
        """
        query = _TO_DO if priority is None else _TO_DO_OF_PRIORITY
        wanted = {
            "plan_id": plan.plan_id, "shards": list(shards), "after": after, "limit": limit,
            "priority": priority,
        }  # fmt: skip
        with self._db.read() as connection:
            columns = connection.execute(query, wanted).one()
        if columns[0] is None:
            return []
        found = zip(*(map(int, column.split()) for column in columns), strict=True)
        return sorted([ToDo(*one) for one in found], key=_seq)

    def priorities(self, plan: Plan, shards: Sequence[int]) -> list[int]:
        """The priorities of items of these shards that need a call, the highest first."""
        query = (
            sa.select(t.items.c.priority)
            .where(_needs_call(plan), t.items.c.shard.in_(shards))
            .distinct()
            .order_by(t.items.c.priority.desc())
        )
        with self._db.read() as connection:
            return [int(one) for one in connection.scalars(query)]

    def left_to_do(self, plan: Plan, shards: Sequence[int] | None = None) -> int:
        """How many items of the version, or of some of its shards, still need a call."""
        query = sa.select(sa.func.count()).select_from(t.items).where(_needs_call(plan))
        if shards is not None:
            query = query.where(t.items.c.shard.in_(shards))
        with self._db.read() as connection:
            return int(connection.scalar(query) or 0)

    def end(
        self,
        plan: Plan,
        ends: Sequence[tuple[int, End, str]],
        letters: Sequence[DeadLetter] = (),
    ) -> None:
        """Write (seq, end, reason) verdicts, with the dead letters among them, at once."""

        def work(connection: sa.Connection) -> None:
            by_end: dict[tuple[End, str], list[int]] = {}
            for seq, end, reason in ends:
                by_end.setdefault((end, reason), []).append(seq)
            for (end, reason), seqs in by_end.items():
                connection.execute(
                    sa.update(t.items)
                    .where(t.items.c.plan_id == plan.plan_id, t.items.c.seq.in_(seqs))
                    .values(end=end, reason=reason)
                )
            replace_letters(self._db, connection, plan, letters)

        self._db.run(work)

    def discarded(self, plan: Plan) -> dict[str, int]:
        """item_id → seq of the items of the version that people gave up."""
        i = t.items.c
        query = sa.select(i.item_id, i.seq).where(
            i.plan_id == plan.plan_id, i.end == End.DISCARDED
        )
        with self._db.read() as connection:
            return {str(item): int(seq) for item, seq in connection.execute(query)}

    def ends_of(self, plan: Plan, item_ids: Sequence[str]) -> dict[str, End]:
        """item_id → where it stands in the version; nothing for what is not in it."""
        i = t.items.c
        query = sa.select(i.item_id, i.end).where(
            i.plan_id == plan.plan_id, i.item_id.in_(item_ids)
        )
        with self._db.read() as connection:
            return {str(item): End(end) for item, end in connection.execute(query)}

    def ends(self, plan: Plan, rows_per_read: int = 1000) -> Iterator[list[ItemRow]]:
        """Every item of the version with its end, by seq, a chunk at a time."""
        columns = (t.items.c[name] for name in ItemRow.__dataclass_fields__)
        query = (
            sa.select(*columns)
            .where(t.items.c.plan_id == plan.plan_id)
            .order_by(t.items.c.seq)
            .limit(rows_per_read)
        )
        after = -1
        while True:
            with self._db.read() as connection:
                rows = connection.execute(query.where(t.items.c.seq > after)).all()
            chunk = [ItemRow(*tuple(row)) for row in rows]
            if not chunk:
                return
            yield chunk
            after = chunk[-1].seq


def _needs_call(plan: Plan | None = None) -> sa.ColumnElement[bool]:
    """Items of the version, or of the one that `:plan_id` names."""
    settled = (
        sa.exists()
        .where(t.checkpoints.c.plan_id == t.items.c.plan_id)
        .where(t.checkpoints.c.seq == t.items.c.seq)
        .where(t.checkpoints.c.status.in_(_NEEDS_NO_CALL))
        .correlate(t.items)
    )
    named = sa.bindparam("plan_id", type_=sa.Integer) if plan is None else plan.plan_id
    return sa.and_(t.items.c.plan_id == named, t.items.c.end == End.PENDING, ~settled)


def _tried(times: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """`times` over all attempts at the item; 0 where there were none."""
    of_item = sa.and_(
        t.checkpoints.c.plan_id == t.items.c.plan_id, t.checkpoints.c.seq == t.items.c.seq
    )
    found = sa.select(times).where(of_item).correlate(t.items).scalar_subquery()
    return sa.func.coalesce(found, 0)


def _in_one_row(rows: sa.Select[Any]) -> sa.Select[Any]:
    """Each column of `rows` as one text. SQLite gives up the GIL for every row that it steps to,
    and the event loop's thread would wake up as often."""
    each = rows.subquery()
    texts = [sa.func.aggregate_strings(sa.cast(one, sa.String), " ") for one in each.c]
    return sa.select().add_columns(*texts)


# Asked for every chunk of a feed, and so made once: making them costs more than the search.
_attempt = t.checkpoints.c.attempt
_TO_DO_ROWS = (
    sa.select(  # as ToDo has them: what counts is from 1 upwards, what was split from -1 downwards
        t.items.c.seq,
        t.items.c.shard,
        _tried(sa.func.max(sa.case((_attempt > 0, _attempt), else_=0))),
        _tried(sa.func.max(sa.case((_attempt < 0, -_attempt), else_=0))),
    )
    .where(
        _needs_call(),
        t.items.c.shard.in_(sa.bindparam("shards", expanding=True)),
        t.items.c.seq > sa.bindparam("after"),
    )
    .order_by(t.items.c.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_TO_DO = _in_one_row(_TO_DO_ROWS)
_TO_DO_OF_PRIORITY = _in_one_row(
    _TO_DO_ROWS.where(t.items.c.priority == sa.bindparam("priority"))
)


def replace_letters(
    database: Database, connection: sa.Connection, plan: Plan, letters: Sequence[DeadLetter]
) -> None:
    """Insert dead letters; one that a crash left behind for the same item gives way."""
    if not letters:
        return
    connection.execute(
        sa.delete(t.dead_letters).where(
            t.dead_letters.c.plan_id == plan.plan_id,
            t.dead_letters.c.seq.in_([letter.seq for letter in letters]),
        )
    )
    database.insert(
        connection, t.dead_letters, [letter_row(plan, letter) for letter in letters]
    )


def letter_row(plan: Plan, letter: DeadLetter) -> tuple[object, ...]:
    """A dead letter in the order of the table's columns."""
    return (
        plan.plan_id,
        letter.seq,
        plan.job,
        plan.batch,
        plan.version,
        letter.item_id,
        letter.request_hash,
        letter.reason,
        letter.message,
        letter.attempts,
        "open",
        letter.sealed_payload,
        letter.sealed_answer,
        letter.at,
        letter.at,
        letter.at,
    )
