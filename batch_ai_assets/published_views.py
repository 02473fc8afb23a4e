"""Published tables as DuckDB views: what `batch-ai sql` and a notebook ask.

Reads pointers and Parquet only, never the state store: a consumer without it sees the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from batch_ai_assets.connections import DUCKDB_CONFIG
from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.tables import TableStore, at, get_json
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


def connect_to_views(job: str, root: str | None = None) -> DuckDBPyConnection:
    """A connection with the views of this job, locked: it reads below `root` and nowhere else.

    Raises SpecError where nothing of the job was ever published.
    """
    import duckdb

    place = root or settings().data_url
    home = at(reachable(place)) / job
    if not home.exists():
        raise SpecError(
            f"Nothing of {job!r} is published below {place}. Run it first: batch-ai run {job}"
        )
    connection = duckdb.connect(":memory:", config=dict(DUCKDB_CONFIG))
    if home.protocol not in ("", "file"):
        connection.register_filesystem(home.fs)
    _make_views(connection, job, place, home)
    connection.execute(f"SET allowed_directories = ['{_quoted(str(home))}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _make_views(connection: DuckDBPyConnection, job: str, root: str, home: UPath) -> None:
    released = dict(_released_files(home))
    if released:
        _view(connection, job, list(released))
        _view_current(connection, job, released)
    tables = TableStore(root)
    for asset in ASSETS:
        files = [
            file
            for batch in _batches(home / asset)
            if (table := tables.latest(job, asset, batch)) is not None
            for file in table.files
        ]
        if files:
            _view(connection, f"{job}__{asset}", files)


def _view_current(connection: DuckDBPyConnection, job: str, released: dict[str, str]) -> None:
    """The row of every item that was released last, whenever its answer was given."""
    connection.execute(f'CREATE TABLE "{job}__released" (file VARCHAR, released_at VARCHAR)')
    connection.executemany(f'INSERT INTO "{job}__released" VALUES (?, ?)', list(released.items()))
    connection.execute(
        f'CREATE VIEW "{job}__current" AS SELECT found.* EXCLUDE (__file) '
        f"FROM read_parquet({_listed(released)}, union_by_name = true, filename = '__file') found "
        f'JOIN "{job}__released" released ON found.__file = released.file '
        "QUALIFY row_number() OVER "
        "(PARTITION BY item_id ORDER BY released.released_at DESC, batch DESC) = 1"
    )


def _released_files(home: UPath) -> Iterator[tuple[str, str]]:
    """Parts of the released version of every batch and when it was released (ISO, UTC)."""
    for batch in _batches(home / "results"):
        pointer = home / "results" / batch / "_current.json"
        if pointer.exists():
            current = get_json(pointer)
            for part in current["parts"]:
                yield f"{current['path']}/{part}", current["released_at"]


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
