"""Sandbox: SQL written by people, run in a DuckDB that can reach nothing but the rows given to it.

No files, no network, no extensions, no settings, a memory limit, a time limit. What is asked of
the rows is in `rules.py` and `version_tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import duckdb

from ..tables import parquet_file, reading

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

Connect = Callable[[], duckdb.DuckDBPyConnection]
"""Opens a fresh in-memory DuckDB; it is locked down and closed here, so never a shared one."""

_LOCK_DOWN = (
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET temp_directory = ''",
    "SET memory_limit = '1GB'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


_STREAMED_ROWS = 4096
_INTERRUPT_AGAIN_SECONDS = 0.02


class OutOfTime(Exception):  # noqa: N818 - callers say which rule it was
    """A query was stopped because its time was up."""


class Sandbox:
    """A locked-down connection, opened at its first use; every query has a time limit."""

    def __init__(self, open_locked: Connect) -> None:
        self._open = open_locked

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self._open()

    def show(self, name: str, source: object) -> None:
        """From here on `name` is this table, whatever it was before."""
        self._connection.register(name, source)

    def query(self, sql: str, seconds: float, parameters: Sequence[Any] = ()) -> list[Any]:
        """Rows of one statement. Raises OutOfTime, or duckdb.Error as it comes."""
        done = Event()
        watch = Thread(target=self._interrupt_after, args=(seconds, done), daemon=True)
        watch.start()
        try:
            return self._connection.execute(sql, list(parameters)).fetchall()
        except duckdb.InterruptException as error:
            raise OutOfTime from error
        finally:
            done.set()
            watch.join()

    def _interrupt_after(self, seconds: float, done: Event) -> None:
        """Again and again: DuckDB drops an interrupt that comes before the query executes."""
        if not done.wait(seconds):
            self._connection.interrupt()
            while not done.wait(_INTERRUPT_AGAIN_SECONDS):
                self._connection.interrupt()

    def statements(self, sql: str) -> list[duckdb.Statement]:
        """The statements DuckDB's own parser finds; runs none of them."""
        return self._connection.extract_statements(sql)


@contextmanager
def sandbox(
    connect: Connect, ddl: Sequence[str] = (), sources: Mapping[str, object] | None = None
) -> Iterator[Sandbox]:
    """A sandbox that is closed at the end: whoever asks nothing has not paid for DuckDB."""
    with ExitStack() as stack:
        yield Sandbox(lambda: stack.enter_context(_locked(connect, ddl, sources or {})))


@contextmanager
def _locked(
    connect: Connect, ddl: Sequence[str], sources: Mapping[str, object]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open, create and register what the queries may see, lock, and close at the end."""
    connection = connect()
    try:
        for statement in ddl:
            connection.execute(statement)
        for name, source in sources.items():
            connection.register(name, source)
        for statement in _LOCK_DOWN:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def quoted(name: str) -> str:
    """A column's name, as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def parquet_rows(paths: Sequence[str]) -> ds.Dataset:
    """The rows of Parquet files, local or `s3://`: for queries that touch a few columns."""
    import pyarrow.dataset as ds

    if not any("://" in path for path in paths):
        return ds.dataset(list(paths), format="parquet")
    from upath import UPath

    located = [UPath(path) for path in paths]
    return ds.dataset([path.path for path in located], format="parquet", filesystem=located[0].fs)


def parquet_stream(
    paths: Sequence[str], columns: Sequence[str] | None = None
) -> pa.RecordBatchReader:
    """The same rows for one query that touches every row and names the table once, in a tenth of
    the memory; `columns`: of those that are there, only these. StorageError where there is no
    such file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from upath import UPath

    with reading(paths[0]), UPath(paths[0]).open("rb") as opened:
        schema = pq.read_schema(opened)
    wanted = None if columns is None else [name for name in schema.names if name in columns]
    if wanted is not None:
        schema = pa.schema([schema.field(name) for name in wanted])

    def batches() -> Iterator[pa.RecordBatch]:
        for path in paths:
            with UPath(path).open("rb") as opened:
                for rows in parquet_file(opened).iter_batches(_STREAMED_ROWS, columns=wanted):
                    yield rows if wanted is None else rows.select(wanted)

    return pa.RecordBatchReader.from_batches(schema, batches())
