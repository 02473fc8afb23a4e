"""Arrivals: which files a job on arrival has seen, and which batch claimed each of them.

Decides what is new and what is whose, in single transactions. Which files lie there is listed in
`engine/intake/arrivals.py`; when a batch is made of them is decided in `engine/control/trigger.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from . import tables as t
from .database import Database
from .life_cycle import State

_PER_QUERY = 400
_CLAIM = "claim:"
"""Begins the occasions that are claims; all others were written by who decides."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file as it was seen; one that changed is another arrival."""

    source: str
    """Its name relative to the input folder. No two arrivals of one source are unclaimed."""
    fingerprint: str
    items: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What no batch has claimed yet."""

    files: int = 0
    items: int = 0
    bytes: int = 0
    oldest: float | None = None
    """When the first of it was seen."""


@dataclass(frozen=True, slots=True)
class ClaimedFiles:
    """What a batch took."""

    batch: str
    files: int
    items: int
    bytes: int


class Arrivals:
    """Rows of `arrivals` and `occasions`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def known(self, job: str, sources: Sequence[str]) -> set[tuple[str, str]]:
        """(source, fingerprint) of everything that was ever seen under these names."""
        with self._db.read() as connection:
            return _known(connection, job, sources)

    def claimed(self, job: str, sources: Sequence[str]) -> set[tuple[str, str]]:
        """Those of them that a batch holds."""
        with self._db.read() as connection:
            return _known(connection, job, sources, t.arrivals.c.batch.is_not(None))

    def record(self, job: str, arrivals: Collection[Arrival]) -> int:
        """Write down those that are new; how many they were.

        A file that changed before a batch claimed it takes the place of its older self in the
        queue.
        """

        def work(connection: sa.Connection) -> int:
            _alone(connection)
            sources = [arrival.source for arrival in arrivals]
            known = _known(connection, job, sources)
            new = [one for one in arrivals if (one.source, one.fingerprint) not in known]
            before = _replaced(connection, job, [one.source for one in new]) if known else {}
            now = self._clock()
            rows = [
                (
                    job, one.source, one.fingerprint, one.items, one.bytes,
                    before.get(one.source, now), None,
                )
                for one in new
            ]  # fmt: skip
            self._db.insert(connection, t.arrivals, rows)
            return len(rows)

        return self._db.run(work)

    def waiting(self, job: str) -> Waiting:
        """Everything that no batch has claimed, summed up."""
        a = t.arrivals.c
        sums = sa.select(
            sa.func.count(), sa.func.sum(a["items"]), sa.func.sum(a.bytes), sa.func.min(a.seen_at)
        )
        with self._db.read() as connection:
            files, items, size, oldest = connection.execute(sums.where(*_unclaimed(job))).one()
        return Waiting(int(files), int(items or 0), int(size or 0), oldest)

    def claim(
        self, job: str, most_items: int, *, occasion: str | None = None, batch: str | None = None
    ) -> ClaimedFiles | None:
        """Give the oldest waiting files, up to `most_items`, to a new batch; None: nothing waits.

        One file is never split, so a batch may hold one that is larger. `occasion` counts as
        obeyed once nothing is left waiting. `batch` names the batch, which takes nothing more if
        it has claimed before; else what it holds does, so that the same files make the same name.
        """

        def work(connection: sa.Connection) -> ClaimedFiles | None:
            _alone(connection)
            if batch and connection.scalar(_when(job, _CLAIM + batch)) is not None:
                return None
            rows = list(_oldest(connection, job, most_items))
            if rows:
                key = batch or _key(connection, job, rows)
                _give(connection, job, rows, key)
                _obey(connection, job, _CLAIM + key, key, self._clock())
            left = connection.scalar(sa.select(t.arrivals.c.job).where(*_unclaimed(job)).limit(1))
            if occasion is not None and left is None:
                _obey(connection, job, occasion, key if rows else "", self._clock())
            if not rows:
                return None
            return ClaimedFiles(
                key, len(rows), sum(row.items for row in rows), sum(row.bytes for row in rows)
            )

        return self._db.run(work)

    def of(self, job: str, batch: str) -> list[str]:
        """The sources that the batch claimed, by name."""
        query = (
            sa.select(t.arrivals.c.source)
            .where(t.arrivals.c.job == job, t.arrivals.c.batch == batch)
            .distinct()
        )
        with self._db.read() as connection:
            return sorted(connection.execute(query).scalars())

    def unstarted(self, job: str, before: float) -> list[str]:
        """Batches that were claimed before this instant and that nobody works on, oldest first:
        no run has taken them up, or one died before their manifest was written down."""
        o, b, e = t.occasions.c, t.batches.c, t.leases.c
        taken = sa.exists().where(
            b.job == o.job, b.batch == o.batch, b.state != State.PLANNED.value
        )
        planned = sa.exists().where(t.plans.c.job == o.job, t.plans.c.batch == o.batch)
        held = sa.exists().where(
            e.job == o.job, e.batch == o.batch, e.expires_at > self._clock()
        )
        query = (
            sa.select(o.batch)
            .where(o.job == job, o.occasion == _CLAIM + o.batch, o.at <= before)
            .where(~taken, ~planned, ~held)
            .order_by(o.at, o.batch)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def first_at(self, job: str, occasion: str) -> float:
        """When this was obeyed or noted first: now, where it never was."""

        def work(connection: sa.Connection) -> float:
            _alone(connection)
            _obey(connection, job, occasion, "", self._clock())
            return float(connection.execute(_when(job, occasion)).scalar_one())

        found = self.obeyed_at(job, occasion)
        return self._db.run(work) if found is None else found

    def obeyed_at(self, job: str, occasion: str) -> float | None:
        """When the occasion was obeyed; None: not yet."""
        with self._db.read() as connection:
            found: float | None = connection.scalar(_when(job, occasion))
        return found


def _alone(connection: sa.Connection) -> None:
    """Nobody else records or claims until this transaction ends, whatever the database."""
    m = t.meta.c
    connection.execute(sa.select(m.value).where(m.key == "schema_version").with_for_update())


def _unclaimed(job: str) -> tuple[sa.ColumnElement[bool], ...]:
    return t.arrivals.c.job == job, t.arrivals.c.batch.is_(None)


def _when(job: str, occasion: str) -> sa.Select[Any]:
    o = t.occasions.c
    return sa.select(o.at).where(o.job == job, o.occasion == occasion)


def _parts(sources: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(sources), _PER_QUERY):
        yield sources[start : start + _PER_QUERY]


def _known(
    connection: sa.Connection, job: str, sources: Sequence[str], *more: sa.ColumnElement[bool]
) -> set[tuple[str, str]]:
    a = t.arrivals.c
    found: set[tuple[str, str]] = set()
    for part in _parts(sources):
        query = sa.select(a.source, a.fingerprint).where(a.job == job, a.source.in_(part), *more)
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def _replaced(connection: sa.Connection, job: str, sources: Sequence[str]) -> dict[str, float]:
    """Take what waits under these names out of the queue: source → since when it waited."""
    a = t.arrivals.c
    since: dict[str, float] = {}
    for part in _parts(sources):
        old = (*_unclaimed(job), a.source.in_(part))
        since.update(
            (row[0], row[1])
            for row in connection.execute(sa.select(a.source, a.seen_at).where(*old))
        )
        connection.execute(sa.delete(t.arrivals).where(*old))
    return since


def _oldest(connection: sa.Connection, job: str, most_items: int) -> Iterator[Any]:
    a = t.arrivals.c
    query = (
        sa.select(a.source, a.fingerprint, a["items"], a.bytes, a.seen_at)
        .where(*_unclaimed(job))
        .order_by(a.seen_at, a.source)
        .limit(most_items)  # but for empty files, no more can fit
    )
    total = 0
    with connection.execute(query.execution_options(yield_per=10_000)) as rows:
        for row in rows:
            total += row.items
            if total > most_items and total > row.items:
                return
            yield row


def _key(connection: sa.Connection, job: str, rows: Sequence[Any]) -> str:
    """When the newest file was seen, and a digest of all: the same files make the same key."""
    claimed = sorted(f"{row.source}\0{row.fingerprint}" for row in rows)
    digest = hashlib.sha256("\0\0".join(claimed).encode()).hexdigest()
    newest = datetime.fromtimestamp(max(float(row.seen_at) for row in rows), UTC)
    for width in range(6, 32):
        key = f"{newest:%Y%m%dt%H%M%Sz}-{digest[:width]}"
        if connection.scalar(_when(job, _CLAIM + key)) is None:
            return key
    raise AssertionError("unreachable: the same files are claimed once")


def _give(connection: sa.Connection, job: str, rows: Sequence[Any], batch: str) -> None:
    a = t.arrivals.c
    for part in _parts([row.source for row in rows]):
        connection.execute(
            sa.update(t.arrivals).where(*_unclaimed(job), a.source.in_(part)).values(batch=batch)
        )


def _obey(connection: sa.Connection, job: str, occasion: str, batch: str, at: float) -> None:
    if connection.scalar(_when(job, occasion)) is None:
        values = {"job": job, "occasion": occasion, "batch": batch, "at": at}
        connection.execute(sa.insert(t.occasions).values(values))
