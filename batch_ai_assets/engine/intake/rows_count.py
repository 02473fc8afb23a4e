"""How many rows a file holds, without reading them: for thresholds, not for accounts."""

from __future__ import annotations

from ..spec.input import Format
from .access import FileAccess
from .retry import is_passing

_CHUNK_BYTES = 1 << 20


def count_rows(format: Format, path: str, access: FileAccess) -> int:
    """The number of items in the file at `path`, quickly.

    Parquet says it itself. CSV and JSONL are counted by their line ends, so that blank lines and
    line ends within quotes count too. A file that is broken, gone or closed to us ends as one
    item, and counts as one; so does a file of format `text`. Raises OSError where the store does
    not answer.
    """
    try:
        if format == "parquet":
            return _parquet_rows(path, access)
        if format == "text":
            return 1
        lines = _lines(path, access)
    except OSError as error:
        if is_passing(error):
            raise
        return 1
    return max(0, lines - 1) if format == "csv" else lines


def _lines(path: str, access: FileAccess) -> int:
    lines = returns = 0
    last = b""
    with access.open(path) as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            lines += chunk.count(b"\n")
            returns += chunk.count(b"\r")
            # Without the other bytes of a line end in UTF-16 or UTF-32.
            last = chunk.rstrip(b"\0")[-1:] or last
    # Old Mac files end their lines by a return alone.
    ends = lines or returns
    return ends + (last not in (b"", b"\n", b"\r"))


def _parquet_rows(path: str, access: FileAccess) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with access.open(path) as handle:
        try:
            return int(pq.read_metadata(handle).num_rows)
        except pa.ArrowException:
            return 1
