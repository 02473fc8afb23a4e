"""Published tables: Parquet parts in a folder of their own, and the pointers to them.

    <root>/<job>/<asset>/<batch>/<run_id>/part-00000.parquet
    <root>/<job>/<asset>/<batch>/_latest.json     what Dagster's downstream reads
    <root>/<job>/results/<batch>/_current.json    the released version: what consumers read

Nothing is ever overwritten (promise 6): a folder that is taken gets a number. A folder without
its `_table.json` is the remains of a crash and nobody reads it. What the rows mean is not known
here.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

from . import failpoints
from .errors import StorageError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from upath import UPath

CONTRACT = 1
"""Version of the layout of `_current.json`, which docs/downstream.md promises to consumers."""

_SEAL = "_table.json"
_ROW_GROUP = 2_048
"""Small enough that a reader holds little text, large enough to compress."""


@dataclass(frozen=True)
class BatchTable:
    """One published table of one batch: where it is, not what is in it."""

    job: str
    asset: str
    batch: str
    run_id: str
    path: str
    """Folder of the parts, a URL or local path."""
    parts: tuple[str, ...]
    """File names of the parts, in order."""
    rows: int
    written_at: float = 0.0
    """When the last part was finished, UTC seconds since the epoch."""

    @property
    def files(self) -> list[str]:
        """Full path of every part."""
        return [f"{self.path}/{part}" for part in self.parts]

    @property
    def filled_files(self) -> list[str]:
        """The same, none where they hold no row: then there is nothing to ask of them."""
        return self.files if self.rows else []

    def counted(self) -> BatchTable:
        """The same table with the rows that its parts really hold now."""
        rows = 0
        for name in self.files:
            with reading(name), at(name).open("rb") as file:
                rows += parquet_file(file).metadata.num_rows
        return replace(self, rows=rows)

    @cached_property
    def schema(self) -> pa.Schema:
        import pyarrow.parquet as pq

        with reading(self.files[0]), at(self.files[0]).open("rb") as file:
            return pq.read_schema(file)

    def scan(
        self, columns: list[str] | None = None, batch_rows: int = 1024
    ) -> Iterator[pa.RecordBatch]:
        """Record batches of all parts, in order, `batch_rows` rows at most each."""
        for name in self.files:
            with reading(name), at(name).open("rb") as file:
                reader = parquet_file(file)
                yield from reader.iter_batches(batch_size=batch_rows, columns=columns)

    def to_arrow(self, columns: list[str] | None = None) -> pa.Table:
        import pyarrow as pa

        schema = self.schema
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        return pa.Table.from_batches(self.scan(columns), schema=schema)

    def to_pandas(self, columns: list[str] | None = None) -> pd.DataFrame:
        frame: pd.DataFrame = self.to_arrow(columns).to_pandas()
        return frame


def parquet_file(source: IO[bytes]) -> pq.ParquetFile:
    """An open Parquet file that holds what is read from it now, and not all that may be: left to
    itself, pyarrow fetches every column of the whole file ahead."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(source, pre_buffer=False)


@dataclass(frozen=True)
class Current:
    """Content of `_current.json`: the released version of a batch.

    A contract with consumers: fields are added, never renamed, removed or given another meaning.
    """

    job: str
    batch: str
    version: int
    path: str
    parts: tuple[str, ...]
    rows: int
    released_at: str
    released_by: str
    schema_version: str
    """Of the job's output schema: what the rows look like."""
    contract: int = CONTRACT
    """Of this file: what its fields mean."""


class RowReader:
    """Rows of a table by position: dense or sparse, only the row groups that hold them are read."""

    def __init__(self, table: BatchTable, columns: list[str] | None) -> None:
        self._table = table
        self._columns = columns
        self._groups: list[tuple[int, str, int]] = []  # first row, file, row group
        self._loaded: tuple[int, pa.Table] | None = None
        self._file: tuple[str, pq.ParquetFile] | None = None
        self._index()

    def _index(self) -> None:
        first = 0
        for name in self._table.files:
            with reading(name), at(name).open("rb") as file:
                metadata = parquet_file(file).metadata
            for group in range(metadata.num_row_groups):
                self._groups.append((first, name, group))
                first += metadata.row_group(group).num_rows

    def take(self, positions: list[int]) -> pa.Table:
        """The rows at rising `positions`."""
        import pyarrow as pa

        if not positions:
            none = self._table.schema.empty_table()
            return none if self._columns is None else none.select(self._columns)
        found: list[pa.Table] = []
        start = 0
        while start < len(positions):
            index = bisect_right(self._groups, positions[start], key=lambda group: group[0]) - 1
            first = self._groups[index][0]
            after = self._groups[index + 1][0] if index + 1 < len(self._groups) else sys.maxsize
            stop = bisect_left(positions, after, start)
            rows = [position - first for position in positions[start:stop]]
            found.append(self._load(index).take(pa.array(rows)))
            start = stop
        return pa.concat_tables(found)

    def _load(self, index: int) -> pa.Table:
        if self._loaded is None or self._loaded[0] != index:
            _, name, group = self._groups[index]
            with reading(name):
                if self._file is None or self._file[0] != name:
                    # Kept open: a file's index is as long as the file, and would be read each time.
                    self._file = (name, parquet_file(at(name).open("rb")))
                rows = self._file[1].read_row_group(group, columns=self._columns)
            self._loaded = (index, rows)
        return self._loaded[1]


class TableStore:
    """Writes tables below one root and moves the pointers."""

    def __init__(self, root: str | UPath, rows_per_part: int = 250_000) -> None:
        self.root = at(root)
        self._rows_per_part = rows_per_part

    def write(
        self,
        job: str,
        asset: str,
        batch: str,
        run_id: str,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
    ) -> BatchTable:
        """Write all `batches` into a new folder. StorageError where the storage refuses."""
        with writing(self.home(job, asset, batch)):
            folder = new_folder(self.home(job, asset, batch), run_id)
            parts, rows = self._write_parts(folder, schema, batches)
            now = time.time()
            table = BatchTable(job, asset, batch, run_id, str(folder), tuple(parts), rows, now)
            put_json(folder / _SEAL, asdict(table))
        return table

    def home(self, job: str, asset: str, batch: str) -> UPath:
        """The folder of everything that was published for a batch under this asset."""
        return self.root / job / asset / batch

    def _write_parts(
        self, folder: UPath, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> tuple[list[str], int]:
        """At least one part, also for no rows: readers then still find the schema."""
        import pyarrow.parquet as pq

        parts: list[str] = []
        rows = 0
        source = iter(batches)
        pending = next(source, None)
        while pending is not None or not parts:
            name = f"part-{len(parts):05d}.parquet"
            in_part = 0
            with (folder / name).open("wb") as file:
                with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                    while pending is not None and in_part < self._rows_per_part:
                        writer.write_batch(pending, row_group_size=_ROW_GROUP)
                        in_part += pending.num_rows
                        pending = next(source, None)
                _sync(file)
            parts.append(name)
            rows += in_part
            failpoints.hit("after_parquet_part")
        return parts, rows

    def point_latest(self, table: BatchTable) -> None:
        """Make `table` what Dagster's downstream reads."""
        failpoints.hit("before_pointer")
        home = self.home(table.job, table.asset, table.batch)
        with writing(home / "_latest.json"):
            put_json(home / "_latest.json", {"path": table.path})

    def latest(self, job: str, asset: str, batch: str) -> BatchTable | None:
        """The table that `_latest.json` names, or None."""
        pointer = self.home(job, asset, batch) / "_latest.json"
        if not pointer.exists():
            return None
        with _pointing(pointer):
            path = str(get_json(pointer)["path"])
        return self.open(path)

    def open(self, path: str) -> BatchTable:
        """The finished table in folder `path`. StorageError if there is none."""
        try:
            content = get_json(at(path) / _SEAL)
            return BatchTable(**{**content, "parts": tuple(content["parts"])})
        except FileNotFoundError as error:
            raise StorageError(
                f"{path} holds no finished table: it was deleted or moved. {_remedy(path)}"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise unreadable(f"{path}/{_SEAL}", error) from error

    def point_current(self, current: Current) -> None:
        """Make `current` what consumers of the job's results read."""
        failpoints.hit("before_pointer")
        home = self.home(current.job, "results", current.batch)
        with writing(home / "_current.json"):
            put_json(home / "_current.json", asdict(current))

    def current(self, job: str, batch: str) -> Current | None:
        """The released version of a batch, or None if nothing was released yet."""
        pointer = self.home(job, "results", batch) / "_current.json"
        if not pointer.exists():
            return None
        with _pointing(pointer):
            content = get_json(pointer)
            if content["contract"] > CONTRACT:
                raise _too_new(pointer, content["contract"])
            # Fields that are not known were added by a later version: they change nothing here.
            known = {one.name: content[one.name] for one in fields(Current) if one.name in content}
            return Current(**{**known, "parts": tuple(content["parts"])})


def at(path: str | UPath) -> UPath:
    """A local path or an object store's URL, by the same code."""
    from upath import UPath  # its registry of file systems is not needed to name a table

    return UPath(path)


def new_folder(home: UPath, run_id: str) -> UPath:
    """A folder of its own below `home`, named after the run; a taken name gets a number."""
    home.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = home / (run_id if number == 1 else f"{run_id}-{number}")
        try:
            folder.mkdir(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return folder


@contextmanager
def writing(place: UPath) -> Iterator[None]:
    """What the storage refuses leaves as a StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Cannot write {place}: {error.strerror or error}. Make room or restore access, then "
            "run the batch again; nothing published is lost."
        ) from error


@contextmanager
def reading(name: str) -> Iterator[None]:
    """A part that is gone or damaged leaves as a StorageError; what it holds is not quoted."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, json.JSONDecodeError) as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: Exception) -> StorageError:
    """What to say of a file that cannot be read."""
    return StorageError(
        f"Cannot read {name} ({type(error).__name__}): it is gone, damaged or out of reach. "
        f"{_remedy(name)}"
    )


def _remedy(name: str) -> str:
    """What brings a table back. Documents are read once: no run makes `raw_inputs` anew."""
    if "raw_inputs" in name.split("/")[-4:-2]:
        return (
            "It holds the inputs of the batch, which nothing else keeps: restore it from a backup, "
            "or run the documents as a new batch."
        )
    return "Restore it, or run the batch again with --reprocess, which makes it anew."


@contextmanager
def _pointing(pointer: UPath) -> Iterator[None]:
    """A pointer that is no pointer any more leaves as a StorageError."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"Cannot read the pointer {pointer} ({type(error).__name__}): it is empty, damaged or "
            "out of reach. Run the batch again: a run writes its pointers anew."
        ) from error


def _too_new(pointer: UPath, contract: int) -> StorageError:
    return StorageError(
        f"The pointer {pointer} keeps to contract {contract}, this version reads {CONTRACT} at "
        "most: a newer version of the platform wrote it. Use that one."
    )


def put_json(path: UPath, content: dict[str, Any]) -> None:
    """Write JSON so that a reader sees the old or the new file, never half of one."""
    text = json.dumps(content, indent=2) + "\n"
    if path.protocol in ("", "file"):
        # A name of its own: an export and a run may write the same pointer at once.
        fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        with fresh.open("w") as file:
            file.write(text)
            _sync(file)
        fresh.rename(path)
    else:
        path.write_text(text)  # object stores put whole objects


def _sync(file: IO[Any]) -> None:
    """To the disk, where the file is on one: a manifest must outlive a power cut."""
    file.flush()
    try:
        handle = file.fileno()
    except (AttributeError, OSError):
        return  # object stores acknowledge on close
    os.fsync(handle)


def get_json(path: UPath) -> dict[str, Any]:
    """The content of a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content
