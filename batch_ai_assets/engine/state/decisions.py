"""Decisions: what people decided about dead letters and reviews; append-only.

What may be decided is `deciding.py`'s, what follows for the next version `planning/carried.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa

from ..errors import DecisionError
from ..figures import End
from . import answer_marks
from . import tables as t
from .database import Database
from .rows import GIVES_UP, USABLE, Decision, Kind, OpenDecisions, Plan, Waiting

_LETTER_STATUS = {Kind.REPLAY: "replayed", Kind.DISCARD: "discarded"}
_NAMES = tuple(Decision.__dataclass_fields__)
_COLUMNS = tuple(name for name in _NAMES if name != "input_hash")
"""The item has its input hash: it is looked up there."""


class Decisions:
    """Rows of `decisions`; what they mean for answers is `answer_marks.py`'s."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def waiting(self, plan: Plan, end: End) -> list[Waiting]:
        """The items of the version that wait for a person: dead ones, or those in review."""
        i, c, d, a = t.items.c, t.checkpoints.c, t.dead_letters.c, t.answers.c
        of_item = sa.and_(c.plan_id == i.plan_id, c.seq == i.seq, c.status.in_(USABLE))
        letter = sa.and_(d.plan_id == i.plan_id, d.seq == i.seq)
        query = (
            sa.select(
                i.seq, i.item_id, sa.func.coalesce(d.request_hash, c.request_hash), i.reason,
                c.answer_id, a.confidence,
            )
            .outerjoin(t.checkpoints, of_item)
            .outerjoin(t.answers, a.answer_id == c.answer_id)
            .outerjoin(t.dead_letters, letter)
            .where(i.plan_id == plan.plan_id, i.end == end)
            .order_by(i.seq)
        )  # fmt: skip
        with self._db.read() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def add(
        self, plan: Plan, kind: Kind, items: Sequence[Waiting], *, who: str, why: str,
        corrected: bytes | None = None,
    ) -> None:  # fmt: skip
        """Record one decision about each item, and what it means for answers and letters, at once.

        `corrected`: the sealed answer of a person, with CORRECT, to the question that `items`
        share. DecisionError where the version is not the newest any more, or not finished.
        """

        def work(connection: sa.Connection) -> None:
            _prove_newest(connection, plan)
            now = self._clock()
            self._db.insert_some(
                connection, t.decisions, ("job", *_COLUMNS),
                [
                    (
                        plan.job, plan.batch, plan.version, one.seq, one.item_id,
                        one.request_hash, kind.value, one.reason, why, who, now,
                    )
                    for one in items
                ],
            )  # fmt: skip
            if (status := _LETTER_STATUS.get(kind)) is not None:
                _tell_letters(connection, plan, items, status, now)
            if kind is Kind.REPLAY:
                answer_marks.withdraw(connection, plan, items)
            if kind is Kind.ACCEPT:
                answer_marks.accept(connection, items)
            if corrected is not None:
                answer_marks.keep_corrected(connection, items[0], corrected, now)

        self._db.run(work)

    def batches(self, job: str) -> list[str]:
        """Batches of the job about which anybody has decided anything."""
        d = t.decisions.c
        query = sa.select(d.batch).where(d.job == job).distinct().order_by(d.batch)
        with self._db.read() as connection:
            return [str(batch) for batch in connection.scalars(query)]

    def of(self, job: str, batch: str) -> list[Decision]:
        """Every decision about items of the batch, oldest first."""
        d, i = t.decisions.c, t.items.c
        query = (
            sa.select(*(i.input_hash if name == "input_hash" else d[name] for name in _NAMES))
            .select_from(_with_items())
            .where(d.job == job, d.batch == batch)
            .order_by(d.decision_id)
        )
        with self._db.read() as connection:
            return [_decision(row) for row in connection.execute(query)]

    def open(self, plan: Plan) -> list[Decision]:
        """Decisions about this version, the last one on each item: no later version has them."""
        return list({one.seq: one for one in self.of(plan.job, plan.batch)
                     if one.version == plan.version}.values())  # fmt: skip

    def not_carried_out(self, job: str) -> dict[str, OpenDecisions]:
        """batch → what was decided about its newest version, where that is finished."""
        d, p = t.decisions.c, t.plans.c
        newer = t.plans.alias().c
        has_newer = (
            sa.exists()
            .where(newer.job == p.job, newer.batch == p.batch, newer.version > p.version)
            .correlate(t.plans)
        )
        query = (
            sa.select(
                d.batch, sa.func.max(d.at),
                sa.func.max(sa.case((d.kind == Kind.REPLAY, 1), else_=0)), p.spec_hash,
                sa.func.count(d.seq.distinct()),
            )
            .join(t.plans, sa.and_(p.job == d.job, p.batch == d.batch, p.version == d.version))
            .where(d.job == job, p.finished_at.is_not(None), ~has_newer)
            .group_by(d.batch, p.spec_hash)
        )  # fmt: skip
        with self._db.read() as connection:
            return {
                batch: OpenDecisions(newest_at, bool(replay), spec_hash, items)
                for batch, newest_at, replay, spec_hash, items in connection.execute(query)
            }

    def given_up_elsewhere(
        self, job: str, batch: str, item_ids: Sequence[str]
    ) -> set[tuple[str, bytes]]:
        """(item_id, input hash) of documents that a person gave up in another batch."""
        d, i = t.decisions.c, t.items.c
        query = (
            sa.select(d.item_id, i.input_hash, d.kind)
            .select_from(_with_items())
            .where(d.job == job, d.batch != batch, d.item_id.in_(item_ids))
            .order_by(d.decision_id)
        )
        with self._db.read() as connection:
            last = {(item, text): kind for item, text, kind in connection.execute(query)}
        return {one for one, kind in last.items() if kind in GIVES_UP}


def _with_items() -> sa.Join:
    """Every decision with the item of the version that the person looked at."""
    d, p, i = t.decisions.c, t.plans.c, t.items.c
    version = sa.and_(p.job == d.job, p.batch == d.batch, p.version == d.version)
    item = sa.and_(i.plan_id == p.plan_id, i.seq == d.seq)
    return t.decisions.join(t.plans, version).join(t.items, item)


def _decision(row: Iterable[object]) -> Decision:
    values = dict(zip(_NAMES, row, strict=True))
    return Decision(**{**values, "kind": Kind(str(values["kind"]))})  # type: ignore[arg-type]


def _prove_newest(connection: sa.Connection, plan: Plan) -> None:
    p = t.plans.c
    newest = connection.execute(
        sa.select(p.version, p.finished_at)
        .where(p.job == plan.job, p.batch == plan.batch)
        .order_by(p.version.desc())
        .limit(1)
    ).one()
    if newest.version != plan.version or newest.finished_at is None:
        raise DecisionError(
            f"Version {plan.version} of {plan.job}/{plan.batch} is no longer the one to decide on: "
            f"version {newest.version} is being made. Look again when it is finished "
            "(batch-ai status)."
        )


def _tell_letters(
    connection: sa.Connection, plan: Plan, items: Sequence[Waiting], status: str, now: float
) -> None:
    d = t.dead_letters.c
    for part in answer_marks.parts([one.seq for one in items]):
        connection.execute(
            sa.update(t.dead_letters)
            .where(d.plan_id == plan.plan_id, d.seq.in_(part))
            .values(status=status, last_at=now, revision=now)
        )
