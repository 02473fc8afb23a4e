"""Accounts of a batch version: what it saved, how long it asked, and each shard's share.

Sums for the completion report, read once at the end of a batch. Plain counts that are shown all
the time are `store.py`'s.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import sqlalchemy as sa

from ..figures import End, Saved, ShardFigures
from . import tables as t
from .answers import hash_key
from .database import Database
from .rows import Plan, ShardRow, Status

SAMPLE = 1000
"""So many skipped documents are looked at, evenly spread; what the others saved follows."""
_CHUNK = 500


class Accounts:
    """Reads `checkpoints`, `ledger`, `items` and `answers`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def by_stored_answers(self, plan: Plan) -> Saved:
        """What the answers that were there already had cost when they were asked for."""
        c, a = t.checkpoints.c, t.answers.c
        query = (
            sa.select(
                sa.func.count(sa.distinct(c.seq)),
                sa.func.coalesce(sa.func.sum(a.tokens_in + a.tokens_out), 0),
                sa.func.coalesce(sa.func.sum(a.cost_usd), 0.0),
            )
            .join(t.answers, a.answer_id == c.answer_id)
            .where(c.plan_id == plan.plan_id, c.status == Status.FROM_STORE)
        )
        with self._db.read() as connection:
            documents, tokens, cost = connection.execute(query).one()
        return Saved(int(documents), int(tokens), float(cost))

    def by_skipping(self, plan: Plan) -> Saved:
        """What the answers of unchanged documents had cost in the batch that asked for them."""
        i, r = t.items.c, t.released.c
        mine = (
            i.plan_id == plan.plan_id, i.end == End.SKIPPED, i.reason == "unchanged"
        )  # fmt: skip
        with self._db.read() as connection:
            skipped = int(
                connection.scalar(sa.select(sa.func.count()).select_from(t.items).where(*mine))
                or 0
            )
            step = max(1, skipped // SAMPLE)
            query = (
                sa.select(r.request_hash)
                .join(t.items, sa.and_(i.item_id == r.item_id, r.job == plan.job))
                .where(*mine, i.seq % step == 0)
            )
            hashes = list(connection.scalars(query))
            tokens, cost = self._price(connection, hashes)
        scale = skipped / len(hashes) if hashes else 0.0
        return Saved(skipped, round(tokens * scale), cost * scale)

    @staticmethod
    def _price(connection: sa.Connection, hashes: list[bytes]) -> tuple[int, float]:
        """Tokens and USD that these answers cost; of several to one question the newest."""
        a = t.answers.c
        paid: dict[bytes, tuple[int, float]] = {}
        for first in range(0, len(hashes), _CHUNK):
            keys = [hash_key(value) for value in hashes[first : first + _CHUNK]]
            rows = connection.execute(
                sa.select(a.request_hash, a.tokens_in + a.tokens_out, a.cost_usd)
                .where(a.hash_key.in_(keys))
                .order_by(a.answer_id)
            )
            paid.update((value, (int(tokens), float(cost))) for value, tokens, cost in rows)
        found = [paid[value] for value in hashes if value in paid]
        return sum(tokens for tokens, _ in found), sum(cost for _, cost in found)

    def company(self, plan: Plan) -> dict[int, int]:
        """Shard → calls fewer than attempts at its documents, because several went together."""
        c = t.checkpoints.c
        call = c.status.not_in([Status.FROM_STORE, Status.MERGED])
        attempts = sa.func.count(sa.case((sa.and_(call, c.attempt > 0), 1)))
        calls = sa.func.count(sa.case((sa.and_(call, c.place == 0), 1)))
        query = (
            sa.select(c.shard, attempts - calls)
            .where(c.plan_id == plan.plan_id)
            .group_by(c.shard)
        )
        with self._db.read() as connection:
            return {int(shard): int(fewer) for shard, fewer in connection.execute(query)}

    def asking_seconds(self, plan: Plan) -> float:
        """From the first answer of a run to its last, added up over the runs of the version."""
        c = t.checkpoints.c
        query = (
            sa.select(c.worker, sa.func.min(c.at), sa.func.max(c.at))
            .where(
                c.plan_id == plan.plan_id, c.status.not_in([Status.FROM_STORE, Status.MERGED])
            )
            .group_by(c.worker)
        )
        spans: dict[str, list[float]] = defaultdict(list)
        with self._db.read() as connection:
            for worker, first, last in connection.execute(query):
                spans[worker.rpartition("/")[0]] += (first, last)
        return sum(max(span) - min(span) for span in spans.values())

    def of_shards(self, plan: Plan, planned: list[ShardRow]) -> list[ShardFigures]:
        """What became of each shard that was planned."""
        ends, worked, paid = self._ends(plan), self._worked(plan), self._paid(plan)
        found = []
        for row in planned:
            calls, retries, first, last = worked.get(row.shard, (0, 0, 0.0, 0.0))
            tokens, cost = paid.get(row.shard, (0, 0.0))
            here = ends[row.shard]
            found.append(
                ShardFigures(
                    shard=row.shard, group=row.group, items=row.to_ask,
                    valid=here[End.VALID], review=here[End.REVIEW], dead=here[End.DEAD],
                    pending=here[End.PENDING], calls=calls, retries=retries, tokens=tokens,
                    cost_usd=cost, seconds=last - first,
                )
            )  # fmt: skip
        return found

    def _ends(self, plan: Plan) -> dict[int, Counter[str]]:
        i = t.items.c
        query = (
            sa.select(i.shard, i.end, sa.func.count())
            .where(i.plan_id == plan.plan_id, i.shard >= 0, i.end != End.SKIPPED)
            .group_by(i.shard, i.end)
        )
        found: dict[int, Counter[str]] = defaultdict(Counter)
        with self._db.read() as connection:
            for shard, end, count in connection.execute(query):
                found[shard][end] = count
        return found

    def _worked(self, plan: Plan) -> dict[int, tuple[int, int, float, float]]:
        """Shard → calls, retries, first and last commit."""
        c = t.checkpoints.c
        call = c.status.not_in([Status.FROM_STORE, Status.MERGED])
        query = (
            sa.select(
                c.shard,
                sa.func.count(sa.case((sa.and_(call, c.place == 0), 1))),
                sa.func.count(sa.case((sa.and_(call, c.attempt > 1), 1))),
                sa.func.min(c.at),
                sa.func.max(c.at),
            )
            .where(c.plan_id == plan.plan_id)
            .group_by(c.shard)
        )
        with self._db.read() as connection:
            return {row[0]: tuple(row[1:]) for row in connection.execute(query)}

    def _paid(self, plan: Plan) -> dict[int, tuple[int, float]]:
        """Shard → tokens and USD."""
        i, m = t.items.c, t.ledger.c
        query = (
            sa.select(i.shard, sa.func.sum(m.tokens_in + m.tokens_out), sa.func.sum(m.cost_usd))
            .join(t.ledger, sa.and_(m.plan_id == i.plan_id, m.seq == i.seq))
            .where(i.plan_id == plan.plan_id)
            .group_by(i.shard)
        )
        with self._db.read() as connection:
            return {row[0]: (int(row[1]), float(row[2])) for row in connection.execute(query)}
