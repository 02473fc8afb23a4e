"""Rows of `input.sql`: what one SELECT returns, read through a cursor on the server.

The only module beside the state store that knows SQLAlchemy, because this is somebody else's
database: it is only read, and nothing of the platform is kept there. What a row becomes is in
`records.py`.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BatchAIError, IntakeError
from ..spec.resolved import ResolvedJob
from .admission import Item
from .records import needed_columns, record_item, require_columns
from .retry import ATTEMPTS
from .window import window_of

if TYPE_CHECKING:
    import sqlalchemy as sa

Value = str | datetime

_ROWS = 500
"""Rows fetched at once."""
_PARAMETERS = ("batch", "since", "until")
_CONNECT_SECONDS = 10
_QUOTES_NO_ROWS = ("08", "28", "3D", "3F", "42", "53", "57")
"""Classes of SQLSTATE whose messages speak of connections, rights and names, never of values."""
_DRIVERS = {
    "postgresql": "pip install batch-ai-assets[postgres]",
    "mysql": "pip install pymysql, and write mysql+pymysql://",
    "mssql": "pip install pyodbc",
    "oracle": "pip install oracledb, and write oracle+oracledb://",
}


def read_sql(
    job: ResolvedJob,
    batch: str,
    open_secret: Callable[[str], str],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item]:
    """One item per row of the job's query, in the order in which the database gives them.

    open_secret: the database's URL by its reference. `sleep` waits between attempts to connect,
    seconds. In memory are some hundred rows. Raises IntakeError, without URL, password or content.
    """
    spec, said = job.spec.input, _Speaker(job, open_secret)
    with said.errors(), _asked(said, job, batch, sleep) as rows:
        columns = list(rows.keys())
        require_columns(spec, columns, "the query", "Name it in the SELECT, with AS if need be")
        wanted = [(columns.index(name), name) for name in needed_columns(spec)]
        for number, row in enumerate(rows, 1):  # fetched _ROWS at a time, by yield_per
            mark = f"#row={number}"
            record = {name: row[place] for place, name in wanted}
            where = f"row {number} of the query"
            yield record_item(spec, record, "query", mark, None, where)


def filters_by_time(query: str) -> bool:
    """Whether the query itself chooses the rows of the batch's window."""
    return bool({"since", "until"} & _named(query))


def _ask(
    connection: sa.Connection, job: ResolvedJob, batch: str
) -> sa.CursorResult[Any]:
    import sqlalchemy as sa

    assert job.spec.input.sql is not None
    query = job.spec.input.sql.query
    rows = connection.execute(sa.text(query), _values(job, batch, _named(query)))
    if not rows.returns_rows:
        raise IntakeError(
            f"input.sql.query of job {job.name} returns no rows: it is no SELECT. Write one SELECT;"
            " the database is only read."
        )
    return rows


def _named(query: str) -> set[str]:
    """The parameters that stand in a query, by SQLAlchemy's own reading of it."""
    import sqlalchemy as sa

    return set(sa.text(query).compile().params)


def _values(job: ResolvedJob, batch: str, named: set[str]) -> dict[str, Value]:
    for name in sorted(named - set(_PARAMETERS)):
        raise IntakeError(
            f"input.sql.query of job {job.name} holds :{name}, which stands for nothing. Known"
            " are :batch, :since and :until; write \\: where a colon is meant."
        )
    values: dict[str, Value] = {"batch": batch}
    if named & {"since", "until"}:
        window = window_of(job, batch)
        values |= {"since": window.since, "until": window.until}
    return {name: values[name] for name in named}


@contextmanager
def _asked(
    said: _Speaker, job: ResolvedJob, batch: str, sleep: Callable[[float], None]
) -> Iterator[sa.CursorResult[Any]]:
    """The rows of the query, none fetched yet. Tried again while the database is out of reach."""
    import tenacity

    engine = said.engine()
    options: dict[str, Any] = {"stream_results": True, "yield_per": _ROWS}
    if engine.dialect.name == "postgresql":
        options["postgresql_readonly"] = True
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_passes),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=0.2, max=5),
        sleep=sleep,
        reraise=True,
    )

    def begin(stack: ExitStack) -> sa.CursorResult[Any]:
        stack.close()  # what an earlier attempt left open
        connection = stack.enter_context(engine.connect()).execution_options(**options)
        return _ask(connection, job, batch)

    try:
        with ExitStack() as stack:
            yield retrying(begin, stack)
    finally:
        engine.dispose()


def _passes(error: BaseException) -> bool:
    """Does it pass by itself: out of reach, out of room, locked, shut down?"""
    import sqlalchemy as sa

    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(("08", "53", "57"))
    return not isinstance(error.orig, sqlite3.Error) or "locked" in str(error.orig)


class _Speaker:
    """Opens the database of a job, and says what goes wrong there without giving secrets away."""

    def __init__(self, job: ResolvedJob, open_secret: Callable[[str], str]) -> None:
        assert job.spec.input.sql is not None
        self._job = job.name
        self._reference = job.spec.input.sql.url
        try:
            address = open_secret(self._reference)
        except BatchAIError as error:
            raise IntakeError(f"The database of job {job.name} is not known. {error}") from None
        self._url = self._parsed(address)

    def _parsed(self, text: str) -> sa.URL:
        import sqlalchemy as sa

        try:
            url = sa.make_url(text)
            if "@" in (url.host or ""):  # what stands before it is a part of the password
                raise ValueError(self._reference)
            return url
        except (sa.exc.ArgumentError, ValueError):
            raise IntakeError(
                f"What {self._reference} holds is no database URL. Put there one such as"
                " postgresql://user:password@host/database, with %40 for an @ in the password."
            ) from None

    def engine(self) -> sa.Engine:
        import sqlalchemy as sa

        backend = self._url.get_backend_name()
        if backend == "sqlite":
            self._prove_file()
        arguments = {"connect_timeout": _CONNECT_SECONDS} if backend == "postgresql" else {}
        try:
            engine = sa.create_engine(
                self._url,
                hide_parameters=True,
                poolclass=sa.pool.NullPool,
                connect_args=arguments,
            )
        except (sa.exc.SQLAlchemyError, ImportError, TypeError):
            remedy = _DRIVERS.get(backend, f"Install an SQLAlchemy driver for {backend}")
            raise IntakeError(
                f"The database of job {self._job} ({self._reference}) is {backend}, and no driver"
                f" for it is installed here: {remedy}."
            ) from None
        if backend in _ON_CONNECT:
            sa.event.listen(engine, "connect", _ON_CONNECT[backend])
        return engine

    def _prove_file(self) -> None:
        """SQLite would make a new, empty database of a name that was mistyped."""
        name = self._url.database or ""
        if not name.startswith("file:") and not Path(name).is_file():
            raise IntakeError(
                f"The database of job {self._job} ({self._reference}) is a SQLite file, and there"
                " is no such file. Correct the path, or restore the file."
            )

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the database refuses leaves as an IntakeError."""
        import sqlalchemy as sa

        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            said = self._without_secrets(_why(error))
            raise IntakeError(
                f"The query of job {self._job} ({self._reference}) failed: {said}. Mend the query"
                " or bring the database back, then run the batch again; nothing was asked."
            ) from None  # the cause would quote statement and rows in a trace-back

    def _without_secrets(self, text: str) -> str:
        password = self._url.password or ""
        whole = self._url.render_as_string(hide_password=False)
        for secret in (whole, whole.rpartition("/")[0], password):
            text = text.replace(str(secret), "***") if secret else text
        return text


def _why(error: sa.exc.SQLAlchemyError) -> str:
    """The database's own first line where it cannot quote a row; else only what kind it is."""
    import sqlalchemy as sa

    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    state = getattr(cause, "sqlstate", None)
    lines = str(cause).splitlines()
    kind = type(cause).__name__ + (f", SQLSTATE {state}" if state else "")
    connecting = state is None and isinstance(error, sa.exc.OperationalError)
    harmless = isinstance(cause, sqlite3.Error) or (state or "").startswith(_QUOTES_NO_ROWS)
    if lines and (connecting or harmless):
        # SQLite has no classes of messages; where it quotes a value, it does so in single quotes.
        said = re.sub("'.*'", "'…'", lines[0]) if isinstance(cause, sqlite3.Error) else lines[0]
        return f"{re.sub(r'[.]$', '', said)} ({kind})"
    return kind


def _utc(connection: Any, _: object) -> None:
    """Timestamps without a zone count as UTC, as in every other source."""
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()


def _only_reading(connection: Any, _: object) -> None:
    connection.execute("PRAGMA query_only = ON")
    connection.text_factory = _text_or_bytes


def _text_or_bytes(value: bytes) -> str | bytes:
    """A text of SQLite; as bytes where it is none, so that its row is a dead letter and the others
    are read."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


_ON_CONNECT: Mapping[str, Callable[[Any, object], None]] = {
    "postgresql": _utc,
    "sqlite": _only_reading,
}
"""What is said first on a new connection: nothing where the database has no word for it."""
