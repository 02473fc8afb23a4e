"""Published tables as DuckDB views: what `batch-ai sql` and a notebook ask.

Reads pointers and Parquet only, never the state store: a consumer without it sees the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from batch_ai_assets.connections import DUCKDB_CONFIG
from batch_ai_assets.engine.errors import SpecError, StorageError
from batch_ai_assets.engine.tables import TableStore, at
from batch_ai_assets.object_storage import reachable
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from upath import UPath

ASSETS = (
    "raw_inputs",
    "work_plan",
    "enriched_outputs",
    "validation_report",
    "dead_letter_queue",
    "review_queue",
)


_WINDOW_KEY = re.compile(r"\d{4}-\d\d(-\d\d(-\d\d)?)?")
"""A month, a day or the beginning of a week, an hour."""
_ARRIVAL_KEY = re.compile(r"(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z-[0-9a-f]{6}")
_JOB_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def connect_to_views(job: str, root: str | None = None) -> DuckDBPyConnection:
    """A connection with the views of this job, locked: it opens their Parquet and nothing else.

    DuckDB lets a statement write what it may read: give it only what `one_select` let pass.
    Raises SpecError where nothing of the job was ever published, StorageError where a table is
    damaged.
    """
    import duckdb

    if not _JOB_NAME.fullmatch(job):
        raise SpecError(
            f"{job!r} is not the name of a job: lower-case letters, digits and _, beginning with "
            "a letter, as `job:` in its job.yaml."
        )
    place = root or settings().data_url
    home = at(reachable(place)) / job
    if not home.exists():
        raise SpecError(
            f"Nothing of {job!r} is published below {place}. Run it first: batch-ai run {job}"
        )
    connection = duckdb.connect(":memory:", config=dict(DUCKDB_CONFIG))
    if home.protocol not in ("", "file"):
        connection.register_filesystem(home.fs)
    try:
        files = _make_views(connection, job, place, home)
    except duckdb.Error as error:
        raise StorageError(
            f"A published table of {job!r} below {home} cannot be read ({type(error).__name__}): "
            "a part is gone or damaged. `batch-ai fsck` says of which batch; restore it, or run "
            "that batch again with --reprocess."
        ) from None
    connection.execute(f"SET allowed_paths = {_listed(files)}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def one_select(connection: DuckDBPyConnection, query: str) -> None:
    """Raise SpecError unless `query` is one SELECT, however it is spelled, and nothing else."""
    import duckdb

    kinds = [statement.type for statement in connection.extract_statements(query)]
    if kinds != [duckdb.StatementType.SELECT]:
        raise SpecError(
            "Write one SELECT (or WITH, FROM, VALUES, DESCRIBE, SUMMARIZE); nothing can be "
            "changed or written here."
        )


def _make_views(
    connection: DuckDBPyConnection, job: str, root: str, home: UPath
) -> list[str]:
    """Make the views; the files that they read."""
    tables = TableStore(root)
    released = dict(_released_files(tables, job, home))
    if released:
        _view(connection, job, list(released))
        _view_current(connection, job, released)
    read = list(released)
    for asset in ASSETS:
        files = [
            file
            for batch in _batches(home / asset)
            if (table := tables.latest(job, asset, batch)) is not None
            for file in table.files
        ]
        if files:
            _view(connection, f"{job}__{asset}", files)
            read += files
    return read


def _view_current(
    connection: DuckDBPyConnection, job: str, released: dict[str, tuple[str, str]]
) -> None:
    """The newest released row of every item.

    Newest by what its batch stands for: a day that is backfilled late does not replace a later
    day's row. Batches by name stand for the moment of their release.
    """
    connection.execute(
        f'CREATE TABLE "{job}__released" (file VARCHAR, stands_for VARCHAR, released_at VARCHAR)'
    )
    connection.executemany(
        f'INSERT INTO "{job}__released" VALUES (?, ?, ?)',
        [(file, *when) for file, when in released.items()],
    )
    connection.execute(
        f'CREATE VIEW "{job}__current" AS SELECT found.* EXCLUDE (__file) '
        f"FROM read_parquet({_listed(released)}, union_by_name = true, filename = '__file') found "
        f'JOIN "{job}__released" released ON found.__file = released.file '
        "QUALIFY row_number() OVER "
        "(PARTITION BY item_id "
        "ORDER BY released.stands_for DESC, released.released_at DESC, batch DESC) = 1"
    )


def _released_files(
    tables: TableStore, job: str, home: UPath
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Parts of the released version of every batch; the time it stands for and was released at."""
    for batch in _batches(home / "results"):
        if (current := tables.current(job, batch)) is not None:
            when = (_time_in(batch) or current.released_at, current.released_at)
            for part in current.parts:
                yield f"{current.path}/{part}", when


def _time_in(batch: str) -> str | None:
    """The time that a key names, so that text sorts as time does; None where it names none."""
    if _WINDOW_KEY.fullmatch(batch):
        return batch
    arrival = _ARRIVAL_KEY.fullmatch(batch)
    return "{}-{}-{}T{}:{}:{}".format(*arrival.groups()) if arrival else None


def _batches(folder: UPath) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def _view(connection: DuckDBPyConnection, name: str, files: list[str]) -> None:
    connection.execute(
        f'CREATE VIEW "{name}" AS '
        f"SELECT * FROM read_parquet({_listed(files)}, union_by_name = true)"
    )


def _listed(files: Iterable[str]) -> str:
    return "[" + ", ".join(f"'{_quoted(file)}'" for file in files) + "]"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
