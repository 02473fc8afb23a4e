"""Outages: which providers are away, since when, and when each is asked again. Rows of `outages`.

Whichever run finds out writes it down, and every process goes by it. How a provider is asked
whether it is back is `inference/probe.py`'s; who is told, `engine/outage.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson
import sqlalchemy as sa

from . import control_tables as t
from .database import Database
from .rows import Plan

PROBE_SECONDS = 15.0
"""Between two probes of a provider that does not answer them."""
LONGEST_SECONDS = 120.0
"""A provider that answers probes, and no documents, is left alone for longer and longer."""
RELAPSE_SECONDS = 300.0
"""Away again so soon after it was back, it is the same trouble."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A provider's last outage; times in UTC seconds since the epoch."""

    provider: str
    since: float
    next_probe_at: float
    probes: int
    relapses: int
    message: str
    over_at: float | None
    answered_at: float | None

    @property
    def lasts(self) -> bool:
        """Nobody may ask it about documents."""
        return self.over_at is None

    @property
    def on_trial(self) -> bool:
        """It answers probes; whether it answers documents is still to be seen."""
        return self.over_at is not None and self.answered_at is None


def outage_key(plan: Plan) -> str:
    """What the outages of its provider are kept under: one for all jobs on a provider, but for
    the bundled one, of which each run has its own."""
    frozen = orjson.loads(plan.spec)
    name = str(frozen["spec"]["model"]["provider"])
    return name if frozen["provider"].get("base_url") else f"{name} of {plan.job}"


def pause_seconds(relapses: int) -> float:
    """How long a provider is left alone that is away again."""
    return float(min(LONGEST_SECONDS, PROBE_SECONDS * 2 ** min(relapses, 8)))


class Outages:
    """One row for each provider that was ever away."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def of(self, provider: str) -> Outage | None:
        """The last outage; None where it never was away."""
        with self._db.read() as connection:
            return _read(connection, provider)

    def unsettled(self) -> list[Outage]:
        """Those that last, or are on trial."""
        query = sa.select(t.outages).where(t.outages.c.answered_at.is_(None))
        with self._db.read() as connection:
            return [Outage(**row) for row in connection.execute(query).mappings()]

    def open(self, provider: str, message: str) -> Outage:
        """A run has found it away."""

        def work(connection: sa.Connection) -> Outage:
            now, before = self._clock(), _read(connection, provider)
            found = _opened(provider, message, before, now)
            values = {name: getattr(found, name) for name in Outage.__dataclass_fields__}
            key = t.outages.c.provider == provider
            connection.execute(
                sa.insert(t.outages).values(values)
                if before is None
                else sa.update(t.outages).where(key).values(values)
            )
            return found

        return self._db.run(work)

    def put_off(self, provider: str) -> None:
        """A probe was not answered."""
        o = t.outages.c
        self._change(
            provider, o.over_at.is_(None),
            probes=o.probes + 1, next_probe_at=self._clock() + PROBE_SECONDS,
        )  # fmt: skip

    def passed(self, provider: str) -> None:
        """A probe was answered: batches go on, and show whether documents are."""
        self._change(provider, t.outages.c.over_at.is_(None), over_at=self._clock())

    def answered(self, provider: str) -> None:
        """A document was answered, or nobody asks any more."""
        o = t.outages.c
        trial = sa.and_(o.over_at.is_not(None), o.answered_at.is_(None))
        self._change(provider, trial, answered_at=self._clock())

    def _change(
        self, provider: str, where: sa.ColumnElement[bool], **values: object
    ) -> None:
        self._db.run(
            lambda connection: connection.execute(
                sa.update(t.outages).where(t.outages.c.provider == provider, where).values(values)
            )
        )


def _opened(provider: str, message: str, before: Outage | None, now: float) -> Outage:
    """The outage as it is from now on."""
    since, relapses, probes = now, 0, 0
    if before is not None and before.over_at is None:
        since, relapses, probes = before.since, before.relapses, before.probes
    elif before is not None and before.over_at is not None:
        if now - before.over_at < RELAPSE_SECONDS or before.on_trial:
            relapses = before.relapses + 1
        since = before.since if before.on_trial else now
    return Outage(
        provider=provider,
        since=since,
        next_probe_at=now + pause_seconds(relapses),
        probes=probes,
        relapses=relapses,
        message=message,
        over_at=None,
        answered_at=None,
    )


def _read(connection: sa.Connection, provider: str) -> Outage | None:
    query = sa.select(t.outages).where(t.outages.c.provider == provider)
    row = connection.execute(query).mappings().first()
    return None if row is None else Outage(**row)
