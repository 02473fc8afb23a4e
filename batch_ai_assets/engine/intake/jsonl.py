"""JSONL: every line is one item, an object whose fields the job names."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from ..spec.input import InputSpec
from .admission import MAX_ITEM_BYTES, Item
from .document import Problem
from .files import FileAccess, SourceFile
from .lines import Line, chunks_of, lines_of
from .location import InputLocation
from .records import record_item, value_kind
from .retry import Retry
from .row_files import items_of_files
from .steady import SteadyFile


def read_jsonl(
    spec: InputSpec, location: InputLocation, access: FileAccess, retry: Retry
) -> Iterator[Item]:
    """One item per line that is not blank, in the order of files and lines.

    One line is in memory at a time. A file that cannot be read is an item with a Problem. Raises
    IntakeError where the store does not answer.
    """

    def items(file: SourceFile, opened: SteadyFile) -> Iterator[Item]:
        for line in lines_of(chunks_of(opened), MAX_ITEM_BYTES):
            if not _is_blank(line.content):
                yield _item(spec, file.name, line)

    return items_of_files(location, access, retry, items)


def _is_blank(content: bytes | None) -> bool:
    return content is not None and (not content or content.isspace())


def _item(spec: InputSpec, file: str, line: Line) -> Item:
    mark = f"#line={line.number}"
    raw = line.content or b""
    where = f"line {line.number} of {file!r}"
    record = _parsed(line, where)
    if isinstance(record, Problem):
        source = file + mark
        return Item(source, source, raw, mark=mark, problem=record, kind="row")
    return record_item(spec, record, file, mark, raw, where)


# Problems name the file, the line and the field; they never quote what is in the line.


def _parsed(line: Line, where: str) -> dict[str, object] | Problem:
    if line.content is None:
        return Problem(
            "unreadable",
            f"{where} is {line.size:,} bytes long, above {MAX_ITEM_BYTES:,}; split the document",
        )
    try:
        record = orjson.loads(line.content)
    except orjson.JSONDecodeError as error:
        return _broken(line.content, error, where)
    if not isinstance(record, dict):
        return Problem(
            "unreadable",
            f"{where} is {value_kind(record)}, not an object; write {{...}} on each line",
        )
    return record


def _broken(content: bytes, error: orjson.JSONDecodeError, where: str) -> Problem:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Problem(
            "undecodable",
            f"{where} is not UTF-8: {wrong.reason} at byte offset {wrong.start} of the line; "
            "write the file as UTF-8",
        )
    return Problem(
        "unreadable",
        f"{where} is not valid JSON: {error.msg}, column {error.colno}; correct the line",
    )
