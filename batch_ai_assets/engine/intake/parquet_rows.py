"""Parquet: every row is one item. Only the columns that the job names are read.

What a value may look like is said in `records.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import IntakeError
from ..spec.input import InputSpec
from .access import FileAccess
from .admission import Item
from .document import Problem
from .files import SourceFile
from .location import InputLocation
from .records import needed_columns, record_item, require_columns
from .retry import Retry
from .row_files import broken_file, items_of_files
from .steady import SteadyFile

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BUFFER_BYTES = 1 << 20
_BATCH_BYTES = 4 << 20
_MOST_ROWS = 128
"""Rows at a time: repeated values are written once, and take far more memory than the file says."""
_REPEATED_ROW_BYTES = 64
_REPEATED_BYTES = 1 << 18
"""Above this, and with less for each row, a text may be a long one that all rows share."""


def read_parquet(
    spec: InputSpec, location: InputLocation, access: FileAccess, retry: Retry
) -> Iterator[Item]:
    """One item per row, in the order of files and rows, numbered from 1.

    In memory are a few rows at a time, and the page of the file that they are packed in. A file
    that is no Parquet is one item with a Problem; what is left of a damaged row group is one as
    well, and the next one is read. Raises IntakeError where the store does not answer, or a file
    lacks a column that the job names.
    """

    def items(file: SourceFile, opened: SteadyFile) -> Iterator[Item]:
        return _items(spec, file, opened)

    return items_of_files(location, access, retry, items)


def _items(spec: InputSpec, file: SourceFile, opened: SteadyFile) -> Iterator[Item]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(opened)
        table = pq.ParquetFile(
            opened,
            metadata=metadata,
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            read_dictionary=[spec.text] if _may_repeat(metadata, spec.text) else None,
        )
        schema = table.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        _raise_if_of_the_store(opened, error)
        yield broken_file(file, "is not a Parquet file that can be read; write it again")
        return
    require_columns(spec, schema.names, repr(file.name))
    _require_text(spec, schema, file.name)
    first = 1
    for group in range(table.num_row_groups):
        rows = table.metadata.row_group(group).num_rows
        yield from _of_group(spec, file, opened, table, group, first)
        first += rows


def _of_group(
    spec: InputSpec,
    file: SourceFile,
    opened: SteadyFile,
    table: pq.ParquetFile,
    group: int,
    first: int,
) -> Iterator[Item]:
    """The items of one row group, whose first row has the number `first`."""
    import pyarrow as pa

    columns = list(needed_columns(spec))
    metadata = table.metadata.row_group(group)
    number = first
    try:
        for batch in table.iter_batches(
            _rows_at_a_time(metadata), row_groups=[group], columns=columns, use_threads=False
        ):
            held = [_values(batch.column(name)) for name in columns]
            for values in zip(*held, strict=True):
                record = dict(zip(columns, values, strict=True))
                where = f"row {number} of {file.name!r}"
                yield record_item(spec, record, file.name, f"#row={number}", None, where)
                number += 1
    except (pa.ArrowException, OSError, ValueError) as error:
        _raise_if_of_the_store(opened, error)
        yield _broken_rows(file, number, first + metadata.num_rows - 1)


def _broken_rows(file: SourceFile, number: int, last: int) -> Item:
    mark = f"#row={number}"
    message = (
        f"rows {number} to {last} of {file.name!r} cannot be read: the file is damaged there; "
        "write it again"
    )
    problem = Problem("unreadable", message)
    return Item(file.name + mark, file.name + mark, mark=mark, problem=problem, kind="row")


def _raise_if_of_the_store(opened: SteadyFile, error: Exception) -> None:
    """The store's own error again: only what the library found wrong is about the content."""
    if opened.error is not None:
        raise opened.error from error


def _rows_at_a_time(group: pq.RowGroupMetaData) -> int:
    per_row: int = group.total_byte_size // max(1, group.num_rows)
    return max(1, min(_MOST_ROWS, _BATCH_BYTES // max(1, per_row)))


def _may_repeat(metadata: pq.FileMetaData, name: str) -> bool:
    """Whether texts of the column may be long ones that are written once for many rows."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            size = column.total_uncompressed_size
            small = size < group.num_rows * _REPEATED_ROW_BYTES
            if column.path_in_schema == name and small and size > _REPEATED_BYTES:
                return True
    return False


def _values(column: pa.Array) -> Iterable[object]:
    """The values as Python has them."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        # One by one: together they may be many times what they share.
        return map(_value, column)
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's own instants are as fine as microseconds; finer ones would need pandas.
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    try:
        values: list[object] = column.to_pylist()
    except (UnicodeDecodeError, ValueError, OverflowError):
        return [_value(cell) for cell in column]
    return values


def _value(cell: pa.Scalar) -> object:
    """One value; where it cannot be had, bytes that are no text: that is what is wrong with it."""
    try:
        value: object = cell.as_py()
    except UnicodeDecodeError:
        return bytes(buffer) if (buffer := _buffer(cell)) is not None else b"\xff"
    except (ValueError, OverflowError):
        return b"\xff"
    return value


def _buffer(cell: pa.Scalar) -> bytes | None:
    as_buffer = getattr(cell, "as_buffer", None)
    return None if as_buffer is None else as_buffer().to_pybytes()


def _require_text(spec: InputSpec, schema: pa.Schema, name: str) -> None:
    import pyarrow as pa

    kind = schema.field(spec.text).type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_text = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_null,
    )
    if not any(is_one(inner) for is_one in is_text):
        raise IntakeError(
            f"{name!r} holds {kind} in the column {spec.text!r}, which input.text names; name a "
            "column of strings, then run the batch again"
        )
