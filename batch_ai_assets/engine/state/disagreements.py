"""What must never be true between the tables of the store: one counting query for each rule."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..figures import End
from . import control_tables as ct
from . import tables as t
from .budgets import of_version
from .rows import USABLE, Plan, Status


def disagreements(plan: Plan) -> dict[str, sa.Select[Any]]:
    """Rule (as a sentence that follows a count) → query that counts what breaks it."""
    i, c, m, d, a = t.items.c, t.checkpoints.c, t.ledger.c, t.dead_letters.c, t.answers.c
    mine = {table: table.c.plan_id == plan.plan_id for table in (t.items, t.checkpoints, t.ledger)}
    usable = (
        sa.exists()
        .where(c.plan_id == i.plan_id, c.seq == i.seq, c.status.in_(USABLE))
        .correlate(t.items)
    )
    lettered = sa.exists().where(d.plan_id == i.plan_id, d.seq == i.seq).correlate(t.items)
    paid = (
        sa.exists()
        .where(
            m.plan_id == c.plan_id, m.seq == c.seq, m.part == c.part, m.attempt == c.attempt
        )
        .correlate(t.checkpoints)
    )
    kept = sa.exists().where(a.answer_id == c.answer_id).correlate(t.checkpoints)
    by_rule = sa.and_(i.reason.like("rule:%"), i.shard >= 0)  # else it stays dead from before
    judged = sa.or_(i.end.in_([End.VALID, End.REVIEW]), by_rule)
    twice = (
        sa.select(c.seq)
        .where(mine[t.checkpoints], c.status.in_(USABLE))
        .group_by(c.seq)
        .having(sa.func.count() > 1)
        .subquery()
    )
    return {
        "judged items have no answer": _count(t.items, mine[t.items], judged, ~usable),
        "dead items have no dead letter": _count(
            t.items, mine[t.items], i.end == End.DEAD, ~lettered
        ),
        "dead letters are of items that are not dead": _count(
            t.items, mine[t.items], i.end != End.DEAD, lettered
        ),
        "items have more than one usable answer": sa.select(sa.func.count()).select_from(twice),
        "checkpoints name an answer that is not there (evicted, or lost)": _count(
            t.checkpoints, mine[t.checkpoints], c.status.in_(USABLE), ~kept
        ),
        "answers have no money row": _count(
            t.checkpoints,
            mine[t.checkpoints],
            c.status.in_([Status.ANSWERED, Status.PART]),
            ~paid,
        ),
        "accounts differ from the ledger": _account_differs(plan),
        "skipped items were asked all the same": _count(
            t.items, mine[t.items], i.end == End.SKIPPED, usable
        ),
    }


def _account_differs(plan: Plan) -> sa.Select[Any]:
    """1 where the version's account has not just what its money rows and write-offs come to."""
    m, w, a = t.ledger.c, ct.write_offs.c, ct.accounts.c
    settled = (
        sa.select(sa.func.coalesce(sa.func.sum(m.tokens_in + m.tokens_out), 0))
        .where(m.plan_id == plan.plan_id)
        .scalar_subquery()
    )
    lost = (
        sa.select(sa.func.coalesce(sa.func.sum(w.tokens), 0))
        .where(w.plan_id == plan.plan_id)
        .scalar_subquery()
    )
    return _count(ct.accounts, a.account == of_version(plan), a.spent_tokens != settled + lost)


def _count(table: sa.Table, *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(table).where(*where)
