"""Database: a connection to the state store, its transactions, its retries, bulk inserts.

Knows engines (SQLite, PostgreSQL) and nothing of batches. Every failure leaves as a StateError
that says what to do.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import tenacity
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import SpecError, StateError
from . import control_tables, tables

T = TypeVar("T")

_BUSY_SECONDS = 10.0
"""How long SQLite itself waits for a lock before a transaction is tried anew."""

_ONE_WRITER = 0x62617463
"""Number of the lock that writers on PostgreSQL take in turn; it spells `batc`."""

_ROWS_PER_INSERT = 256
"""Multi-row VALUES of this size cost a fifth of `executemany`, which gives up the GIL per row."""


class Database:
    """One state store. Safe to share between threads: every transaction has its own connection."""

    def __init__(
        self,
        url: str | sa.URL,
        patience_seconds: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        *,
        lasting: bool = True,
    ) -> None:
        """`lasting=False`: for tables that may be lost with the power, and whose transactions
        lock the rows they need themselves."""
        self.url = _usable(url)
        self._lasting = lasting
        self.where = _shown(self.url)
        self._patience = patience_seconds
        self._sleep = sleep
        sqlite = self.url.get_backend_name() == "sqlite"
        if sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # It was waited for in vain: nobody waits so long again, until it has answered.
        self._away = False
        # Once prepared: the file and which one it is, to notice that it was moved or removed.
        self._file: tuple[str, tuple[int, int]] | None = None
        busy = min(_BUSY_SECONDS, patience_seconds)
        try:
            self._engine = sa.create_engine(
                self.url,
                pool_pre_ping=not sqlite,
                hide_parameters=True,
                connect_args=self._arguments(busy),
            )
        except (SQLAlchemyError, ImportError) as error:
            raise SpecError(
                f"BATCH_AI_STATE_URL names a database that cannot be used here ({error}). "
                "Install its driver (pip install batch-ai-assets[postgres]), or write "
                "sqlite:////path/state.sqlite"
            ) from None
        reading: dict[str, Any] = {"batch_ai_read": True}
        if sqlite:
            sa.event.listen(self._engine, "connect", self._set_up_sqlite)
            sa.event.listen(self._engine, "do_connect", lambda *_: self._prove_file())
            sa.event.listen(self._engine, "begin", self._begin_sqlite)
        elif self.url.get_backend_name() == "postgresql":
            if lasting:
                sa.event.listen(self._engine, "begin", _begin_postgresql)
            # What several statements of one view say then fits together, as it does in SQLite.
            reading |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = self._engine.execution_options(**reading)

    def _arguments(self, busy_seconds: float) -> dict[str, Any]:
        """What the driver is told: how long to wait for a lock, and for the server to answer."""
        backend = self.url.get_backend_name()
        if backend == "sqlite":
            return {"timeout": busy_seconds}
        if self.url.get_driver_name() == "psycopg":
            told = f"-c lock_timeout={int(busy_seconds * 1000)}"
            if not self._lasting:
                told += " -c synchronous_commit=off"
            return {"connect_timeout": int(_BUSY_SECONDS), "options": told}
        return {}

    def prepare(self) -> None:
        """Create missing tables; refuse a store of another schema version."""
        self.run(self._prepare)
        self._remember_file()

    def make(self, metadata: sa.MetaData, lock: int) -> None:
        """Create those of other tables that are missing; on PostgreSQL one process at a time."""

        def make(connection: sa.Connection) -> None:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
            metadata.create_all(connection)

        self.run(make)
        self._remember_file()

    def _remember_file(self) -> None:
        path = self.url.database
        if self.url.get_backend_name() == "sqlite" and path and Path(path).exists():
            self._file = (path, _identity(path))

    def _prepare(self, connection: sa.Connection) -> None:
        control_tables.accounts.metadata.create_all(connection)  # with those of `tables`
        found = connection.scalar(
            sa.select(tables.meta.c.value).where(tables.meta.c.key == "schema_version")
        )
        if found is None:
            row = {"key": "schema_version", "value": str(tables.SCHEMA_VERSION)}
            connection.execute(sa.insert(tables.meta).values(row))
        elif found != str(tables.SCHEMA_VERSION):
            raise StateError(
                f"The state store {self.where} has schema version {found}, this program needs "
                f"{tables.SCHEMA_VERSION}. Use the program version that wrote it, or point "
                "BATCH_AI_STATE_URL to a new store."
            )

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view; takes no lock that a writer would wait for. Raises StateError."""
        try:
            with ExitStack() as stack:
                # What was read cannot be read again here, but a store that is away is waited for.
                connection = self._retrying()(
                    lambda: stack.enter_context(self._reader.begin())
                )
                self._away = False
                yield connection
        except SQLAlchemyError as error:
            self._away = _passes(error)
            raise self.translate(error) from error

    def _retrying(
        self, before_sleep: Callable[[tenacity.RetryCallState], None] | None = None
    ) -> tenacity.Retrying:
        return tenacity.Retrying(
            before_sleep=before_sleep,
            retry=tenacity.retry_if_exception(_passes),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=5.0),
            stop=tenacity.stop_after_delay(0.0 if self._away else self._patience),
            sleep=self._sleep,
            reraise=True,
        )

    def run(
        self,
        work: Callable[[sa.Connection], T],
        refused: Callable[[], None] = lambda: None,
    ) -> T:
        """Run `work` in one write transaction; while the store is away, again, for a minute.

        `work` must be safe to repeat: a failed try is rolled back as a whole. `refused` is told
        of every try that failed. Raises StateError.
        """

        def once() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            done = self._retrying(lambda _: refused())(once)
        except SQLAlchemyError as error:
            self._away = _passes(error)
            raise self.translate(error) from error
        self._away = False
        return done

    def translate(self, error: SQLAlchemyError) -> StateError:
        """The same failure in words a person can act on."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        text = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        if "locked" in text:
            hint = "Another process holds it; see who with `batch-ai status`, then run again."
        elif "full" in text or "disk I/O" in text:
            hint = "Make room on its disk, then run the batch again; it resumes."
        elif "readonly" in text or "unable to open" in text:
            hint = "Check that its folder exists and may be written."
        else:
            hint = "Bring it back, then run the batch again; it resumes."
        return StateError(f"The state store {self.where} cannot be used: {text}. {hint}")

    def _begin_sqlite(self, connection: sa.Connection) -> None:
        """Writers take the lock at once: a lock taken half-way cannot wait and would fail."""
        self._prove_file()
        read = connection.get_execution_options().get("batch_ai_read", False)
        connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")

    def _set_up_sqlite(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun by `_begin_sqlite`
        synchronous = "FULL" if self._lasting else "OFF"
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}"):
            connection.execute(f"PRAGMA {pragma}")

    def _prove_file(self) -> None:
        """SQLite would go on writing to a file that was removed, and all of it would be lost."""
        if self._file is None:
            return
        path, identity = self._file
        try:
            gone = None if _identity(path) == identity else "its file was replaced by another"
        except OSError as error:
            gone = f"its file is gone ({error.strerror})"
        if gone is not None:
            raise sa.exc.OperationalError(None, None, sqlite3.OperationalError(gone))

    def insert(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert `rows`, values in the order of the table's columns."""
        self.insert_some(connection, table, tuple(column.name for column in table.columns), rows)

    def insert_some(
        self,
        connection: sa.Connection,
        table: sa.Table,
        names: tuple[str, ...],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        """Insert `rows`, values in the order of `names`; other columns get what they default to."""
        style = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        for part in _parts(rows):
            flat = tuple(chain.from_iterable(part))
            connection.exec_driver_sql(_insert_sql(table, names, len(part), style), flat)


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """`rows` in parts whose sizes are powers of two: the statements of a few sizes are prepared
    once and serve groups of every size."""
    start = 0
    while left := len(rows) - start:
        size = min(_ROWS_PER_INSERT, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size


def _usable(text: str | sa.URL) -> sa.URL:
    """The address, parsed. Its text may hold a password: never said."""
    try:
        url = sa.make_url(text)
        if "@" in (url.host or ""):  # what stands before it is a part of the password
            raise ValueError("host")
        return url
    except (SQLAlchemyError, ValueError):
        raise SpecError(
            "BATCH_AI_STATE_URL is no database address; write sqlite:////path/state.sqlite, or "
            "postgresql+psycopg://user:password@host/database, with %40 for an @ in the password"
        ) from None


def _shown(url: sa.URL) -> str:
    """The address for messages: where the store is, and nothing that opens it."""
    place = {name: value for name, value in url.query.items() if name in ("host", "port")}
    return url.set(query=place).render_as_string(hide_password=True)


@lru_cache(maxsize=4096)
def _insert_sql(table: sa.Table, names: tuple[str, ...], rows: int, style: str) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    one = "(" + ", ".join([style] * len(names)) + ")"
    return f"INSERT INTO {table.name} ({columns}) VALUES " + ", ".join([one] * rows)


def _begin_postgresql(connection: sa.Connection) -> None:
    """One writer at a time, as on SQLite: what a transaction looked up still holds at its end."""
    if not connection.get_execution_options().get("batch_ai_read", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")


def _identity(path: str) -> tuple[int, int]:
    """Device and inode: which file it is, whatever its name."""
    found = os.stat(path)  # noqa: PTH116 - once per transaction
    return found.st_dev, found.st_ino


def _passes(error: BaseException) -> bool:
    """Does this failure pass by itself: locked, full, connection lost?"""
    return isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
