"""Budgets: what was spent and what is held, on the accounts that a batch version draws on.

An account is the version itself, or a month of its job or its provider. Spending and holds of all
processes meet in one transaction, so that `spent + held <= limit` holds at every instant. The
limits themselves are not kept here: each draw brings them along.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from . import control_tables as t
from .database import Database
from .funds import Bound, Drawn
from .rows import Plan

_NONE = float("inf")


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent on one account; None where nothing limits it."""

    account: str
    usd: float | None
    tokens: int | None
    words: str
    """How people call it: `the budget of the batch`."""


@dataclass(frozen=True, slots=True)
class Account:
    """How an account stands."""

    spent_usd: float = 0.0
    spent_tokens: int = 0
    held_usd: float = 0.0
    held_tokens: int = 0


def of_version(plan: Plan) -> str:
    return f"version/{plan.plan_id}"


def of_month(kind: str, name: str, at: float) -> str:
    """`kind` is `job` or `provider`; months are UTC."""
    return f"{time.strftime('%Y-%m', time.gmtime(at))}/{kind}/{name}"


class Budgets:
    """Rows of `accounts`, `holds` and `write_offs`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self.clock = clock

    def standing(self, account: str) -> Account:
        """Zeros where nothing was ever spent on it."""
        with self._db.read() as connection:
            return _account(connection, account)

    def version(self, plan: Plan) -> Account:
        """How the version's own account stands."""
        return self.standing(of_version(plan))

    def begin(self, plan: Plan, run_id: str) -> Account:
        """A run begins to spend: what others of the version held and did not give back is taken
        for spent, since their calls in flight may have been billed. How the version stands then."""

        def work(connection: sa.Connection) -> Account:
            h = t.holds.c
            others = connection.execute(
                sa.select(h.run_id, h.usd, h.tokens, h.accounts).where(
                    h.plan_id == plan.plan_id, h.run_id != run_id
                )
            ).all()
            for run, usd, tokens, accounts in others:
                for account in accounts.splitlines():
                    _add(connection, account, spent=(usd, tokens), held=(-usd, -tokens))
                if usd > 0 or tokens > 0:
                    row = {"plan_id": plan.plan_id, "run_id": run, "usd": usd, "tokens": tokens}
                    connection.execute(sa.insert(t.write_offs).values(**row, at=self.clock()))
                _forget(connection, plan, run)
            return _account(connection, of_version(plan))

        return self._db.run(work)

    def end(self, plan: Plan, run_id: str) -> None:
        """The run has nothing in flight and all is settled: what it holds goes back."""

        def work(connection: sa.Connection) -> None:
            usd, tokens, accounts = _hold(connection, plan, run_id)
            for account in accounts:
                _add(connection, account, held=(-usd, -tokens))
            _forget(connection, plan, run_id)

        self._db.run(work)

    def draw(
        self,
        connection: sa.Connection,
        plan: Plan,
        run_id: str,
        limits: Sequence[Limit],
        settled: Bound,
        wish: Bound,
    ) -> Drawn:
        """In the transaction that writes the money rows of `settled`: it is spent and held no
        more; as much of `wish` is held in its place as every limit has room for."""
        held_usd, held_tokens, before = _hold(connection, plan, run_id)
        rest_usd = max(0.0, held_usd - settled.usd)
        rest_tokens = max(0, held_tokens - settled.tokens)
        room = _Room()
        for limit in limits:
            found = _account(connection, limit.account)
            ours = (held_usd, held_tokens) if limit.account in before else (0.0, 0)
            room.look(
                limit,
                (found.spent_usd + settled.usd, found.spent_tokens + settled.tokens),
                (found.held_usd - ours[0], found.held_tokens - ours[1]),
                (rest_usd, rest_tokens),
            )
        more_usd = max(0.0, min(wish.usd, room.usd))
        more_tokens = max(0, int(min(wish.tokens, room.tokens)))
        new_usd, new_tokens = rest_usd + more_usd, rest_tokens + more_tokens
        names = [limit.account for limit in limits]
        for account in names:
            mine = (held_usd, held_tokens) if account in before else (0.0, 0)
            change = (new_usd - mine[0], new_tokens - mine[1])
            _add(connection, account, spent=(settled.usd, settled.tokens), held=change)
        for account in before:
            if account not in names:  # a month has ended
                _add(connection, account, held=(-held_usd, -held_tokens))
        _keep_hold(connection, plan, run_id, (new_usd, new_tokens), names, self.clock())
        return Drawn(
            usd=more_usd,
            tokens=more_tokens,
            room_usd=room.usd - more_usd,
            room_tokens=room.tokens - more_tokens,
            elsewhere_usd=room.elsewhere_usd,
            elsewhere_tokens=room.elsewhere_tokens,
            usd_words=room.usd_words,
            usd_limit=room.usd_limit,
            tokens_words=room.tokens_words,
            tokens_limit=room.tokens_limit,
        )

    def written_off(self, plan: Plan) -> Bound:
        """What was held by runs of the version that died."""
        w = t.write_offs.c
        query = sa.select(
            sa.func.coalesce(sa.func.sum(w.usd), 0.0), sa.func.coalesce(sa.func.sum(w.tokens), 0)
        ).where(w.plan_id == plan.plan_id)
        with self._db.read() as connection:
            usd, tokens = connection.execute(query).one()
        return Bound(float(usd), int(tokens))


class _Room:
    """The tightest of some limits, for USD and for tokens."""

    def __init__(self) -> None:
        self.usd = self.tokens = _NONE
        self.elsewhere_usd = self.elsewhere_tokens = 0.0
        self.usd_words = self.usd_limit = self.tokens_words = self.tokens_limit = ""

    def look(
        self,
        limit: Limit,
        spent: tuple[float, int],
        others: tuple[float, int],
        rest: tuple[float, int],
    ) -> None:
        """`others`: what other runs hold; `rest`: what this one goes on to hold."""
        if limit.usd is not None:
            left = limit.usd - spent[0] - others[0] - rest[0]
            if left < self.usd:
                self.usd, self.elsewhere_usd = left, others[0]
                self.usd_words = f"{spent[0]:.4f} of {limit.usd:.4f} USD"
                self.usd_limit = limit.words
        if limit.tokens is not None:
            left = limit.tokens - spent[1] - others[1] - rest[1]
            if left < self.tokens:
                self.tokens, self.elsewhere_tokens = left, others[1]
                self.tokens_words = f"{spent[1]:,} of {limit.tokens:,} tokens"
                self.tokens_limit = limit.words


def _account(connection: sa.Connection, account: str) -> Account:
    row = connection.execute(_READ, {"account": account}).first()
    return Account() if row is None else Account(*row)


def _add(
    connection: sa.Connection,
    account: str,
    *,
    spent: tuple[float, int] = (0.0, 0),
    held: tuple[float, int] = (0.0, 0),
) -> None:
    values = {
        "name": account, "su": spent[0], "st": spent[1], "hu": held[0], "ht": held[1],
    }  # fmt: skip
    if connection.execute(_CHANGE, values).rowcount == 0:
        row = {"spent_usd": spent[0], "spent_tokens": spent[1]}
        row |= {"held_usd": held[0], "held_tokens": held[1]}
        connection.execute(sa.insert(t.accounts).values(account=account, **row))


def _hold(
    connection: sa.Connection, plan: Plan, run_id: str
) -> tuple[float, int, list[str]]:
    row = connection.execute(_HOLD, {"plan": plan.plan_id, "run": run_id}).first()
    return (0.0, 0, []) if row is None else (row[0], row[1], row[2].splitlines())


def _keep_hold(
    connection: sa.Connection,
    plan: Plan,
    run_id: str,
    held: tuple[float, int],
    accounts: Sequence[str],
    at: float,
) -> None:
    names = "\n".join(accounts)
    values = {
        "plan": plan.plan_id, "run": run_id, "new_usd": held[0], "new_tokens": held[1],
        "names": names, "now": at,
    }  # fmt: skip
    if connection.execute(_CHANGE_HOLD, values).rowcount == 0:
        row = {"plan_id": plan.plan_id, "run_id": run_id, "usd": held[0], "tokens": held[1]}
        connection.execute(sa.insert(t.holds).values(**row, accounts=names, at=at))


def _forget(connection: sa.Connection, plan: Plan, run_id: str) -> None:
    h = t.holds.c
    connection.execute(
        sa.delete(t.holds).where(h.plan_id == plan.plan_id, h.run_id == run_id)
    )


# Made once: they are part of every commit.
_a, _h = t.accounts.c, t.holds.c
_READ = sa.select(_a.spent_usd, _a.spent_tokens, _a.held_usd, _a.held_tokens).where(
    _a.account == sa.bindparam("account")
)
_CHANGE = (
    sa.update(t.accounts)
    .where(_a.account == sa.bindparam("name"))
    .values(
        spent_usd=_a.spent_usd + sa.bindparam("su"),
        spent_tokens=_a.spent_tokens + sa.bindparam("st"),
        held_usd=_a.held_usd + sa.bindparam("hu"),
        held_tokens=_a.held_tokens + sa.bindparam("ht"),
    )
)
_HOLD = sa.select(_h.usd, _h.tokens, _h.accounts).where(
    _h.plan_id == sa.bindparam("plan"), _h.run_id == sa.bindparam("run")
)
_CHANGE_HOLD = (
    sa.update(t.holds)
    .where(_h.plan_id == sa.bindparam("plan"), _h.run_id == sa.bindparam("run"))
    .values(
        usd=sa.bindparam("new_usd"), tokens=sa.bindparam("new_tokens"),
        accounts=sa.bindparam("names"), at=sa.bindparam("now"),
    )
)  # fmt: skip
