"""SendSlots: one page per provider key, on which all processes book when they send.

A page is read, changed by a pure function and written back in one transaction. What the figures
on it mean, and who gets how much, is `inference/booking.py`'s. Beside an SQLite store the pages
lie in a file of their own: they are wanted several times a second and need not outlive a power
cut, so nothing is synced to disk and nobody waits for the store's commits. On PostgreSQL they are
a table of the state store. No other table refers to it, and it has no schema version: a page that
cannot be read is begun anew.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from ..errors import StateError
from .database import Database

T = TypeVar("T")

FILE_NAME = "send_slots.sqlite"
_PATIENCE_SECONDS = 0.4
"""Whoever asks holds up calls meanwhile, and has something to fall back on."""
_MAKING = 0x736C6F74
"""Number of the lock under which the table is made on PostgreSQL; it spells `slot`."""

_metadata = sa.MetaData()
_pages = sa.Table(
    "send_slots",
    _metadata,
    sa.Column("provider_key", sa.Text, primary_key=True),
    sa.Column("page", sa.Text, nullable=False),
)


class Dimension(StrEnum):
    """What a provider counts per minute."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    """Sent and answered together."""
    TOKENS_IN = "tokens_in"
    TOKENS_OUT = "tokens_out"


@dataclass(frozen=True, slots=True)
class Track:
    """How far one dimension is booked. Times are seconds of the store's clock."""

    tat: float = 0.0
    """Theoretical arrival time: when the first slot leaves that nobody has booked."""
    told: float | None = None
    """The limit that the provider itself told, units per second."""
    told_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Asker:
    """A process that books at the moment."""

    priority: str
    since: float
    """When the call came that it has kept waiting longest."""
    paid_until: float
    """Its share of the time up to then is used up."""
    until: float
    """It counts until then, unless it comes back."""


@dataclass(frozen=True, slots=True)
class Page:
    """What processes share about one provider key. 0.0 stands for never."""

    at: float = 0.0
    """When it was written."""
    held_until: float = 0.0
    """Nothing leaves before."""
    turned_away_at: float = 0.0
    """When the last burst of 429s began."""
    eased: float = 1.0
    """The part of the limits that was kept to at `eased_at`; it grows again with time."""
    eased_at: float = 0.0
    """When it was last changed, or a lower limit was told instead."""
    tracks: Mapping[Dimension, Track] = field(default_factory=dict)
    askers: Mapping[str, Asker] = field(default_factory=dict)


NEW_PAGE = Page()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Page).decode


def provider_key(base_url: str, secret: str | None) -> str:
    """One key for every process that asks this address with this secret reference.

    The reference only (`env:NAME`), never the secret or anything made from it.
    """
    return hashlib.sha256(f"{base_url}\n{secret or ''}".encode()).hexdigest()


class SendSlots:
    """The pages, opened when they are first needed. Safe to share between threads."""

    def __init__(
        self,
        state_url: sa.URL,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], float] = time.time,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_server = state_url.get_backend_name() != "sqlite"
        beside = state_url.database if not self._on_server else None
        file = str(Path(beside).with_name(FILE_NAME)) if beside else None
        self._url = state_url if self._on_server else state_url.set(database=file)
        self._file = file
        self._patience = patience_seconds
        self._clock = clock
        self._steady_clock = steady_clock
        self._database: Database | None = None
        self._opening = threading.Lock()

    def change(
        self, key: str, work: Callable[[Page, float], tuple[Page, T]]
    ) -> tuple[T, float]:
        """Let `work(page, now)` say how the page of `key` looks next, alone with it.

        Returns what `work` returned beside the page, and how many seconds the store's clock is
        ahead of this process's steady one. Raises StateError within about a second.
        """

        def change(connection: sa.Connection) -> tuple[T, float]:
            found = connection.scalar(_select(key).with_for_update())
            if found is None:
                self._begin_page(connection, key)
                found = connection.scalar(_select(key).with_for_update())
            now, ahead = self._now(connection)
            page, result = work(_read(found), now)
            connection.execute(
                sa.update(_pages)
                .where(_pages.c.provider_key == key)
                .values(page=_encode(page).decode())
            )
            return result, ahead

        return self._run(lambda database: database.run(change))

    def look(self, key: str) -> tuple[Page, float, float] | None:
        """The page as it is, the time by the store's clock and how far that is ahead; None where
        nobody ever wrote one. Raises StateError."""
        if self._file is not None and not Path(self._file).exists():
            return None

        def look(database: Database) -> tuple[Page, float, float] | None:
            with database.read() as connection:
                found = connection.scalar(_select(key))
                return None if found is None else (_read(found), *self._now(connection))

        return self._run(look)

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _begin_page(self, connection: sa.Connection, key: str) -> None:
        """An empty page; where two processes begin the same one, one of them does."""
        row = sa.literal(key), sa.literal(_encode(NEW_PAGE).decode())
        known = sa.exists().where(_pages.c.provider_key == key)
        if self._on_server:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
        missing = sa.select(*row).where(~known)
        connection.execute(sa.insert(_pages).from_select(["provider_key", "page"], missing))

    def _now(self, connection: sa.Connection) -> tuple[float, float]:
        """The time on which all processes agree, and how far it is ahead of the steady clock."""
        if self._on_server:
            now = float(
                connection.scalar(sa.select(sa.extract("epoch", sa.func.clock_timestamp()))) or 0.0
            )
        else:
            now = self._clock()
        return now, now - self._steady_clock()

    def _run(self, work: Callable[[Database], T]) -> T:
        """Do it, opening the pages first where they are not; forget them where that fails."""
        try:
            return work(self._opened())
        except StateError as error:
            self.close()
            if self._file is not None and _is_broken(error):
                self._throw_away(Path(self._file))
                return work(self._opened())
            raise

    def _opened(self) -> Database:
        with self._opening:
            if self._database is None:
                database = Database(self._url, self._patience, lasting=False)
                try:
                    database.make(_metadata, _MAKING)
                except StateError:
                    database.close()
                    raise
                self._database = database
            return self._database

    @staticmethod
    def _throw_away(file: Path) -> None:
        """A power cut can leave the file in pieces; all that is on it is learned again."""
        for ending in ("", "-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)


def _select(key: str) -> sa.Select[str]:
    return sa.select(_pages.c.page).where(_pages.c.provider_key == key)


def _read(page: str | None) -> Page:
    try:
        return NEW_PAGE if page is None else _decode(page)
    except msgspec.MsgspecError:  # of another version of the program
        return NEW_PAGE


def _is_broken(error: StateError) -> bool:
    return any(words in str(error) for words in ("malformed", "not a database"))
