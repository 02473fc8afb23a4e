"""JSONL: every line is one item, an object whose fields the job names."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from ..spec.input import InputSpec
from .admission import MAX_ITEM_BYTES, Item
from .cleaning import control_characters
from .document import Problem
from .files import FileAccess, list_files
from .lines import Line, read_lines
from .location import InputLocation
from .retry import Retry

MAX_ID_CHARACTERS = 1024
_EXACT = 2**53


def read_jsonl(
    spec: InputSpec, location: InputLocation, access: FileAccess, retry: Retry
) -> Iterator[Item]:
    """One item per line that is not blank, in the order of files and lines.

    One line is in memory at a time. Raises IntakeError where a file cannot be read to its end.
    """
    for file in list_files(location, access, retry):
        if file.problem is not None:
            yield Item(file.name, file.name, problem=file.problem)
            continue
        for line in read_lines(file, access, retry, MAX_ITEM_BYTES):
            yield _item(spec, file.name, line)


def _item(spec: InputSpec, file: str, line: Line) -> Item:
    mark = f"#line={line.number}"
    source = file + mark
    raw = line.content or b""
    where = f"line {line.number} of {file!r}"
    record = _parsed(line, where)
    if isinstance(record, Problem):
        return Item(source, source, raw, mark=mark, problem=record)
    name = source if spec.id is None else _identity(record, spec.id, where)
    text = _text(record, spec.text, where)
    attributes = _attributes(record, spec.attributes, where)
    problems = (found for found in (name, text, attributes) if isinstance(found, Problem))
    return Item(
        name=source if isinstance(name, Problem) else name,
        source=source,
        raw=raw,
        text="" if isinstance(text, Problem) else text,
        attributes={} if isinstance(attributes, Problem) else attributes,
        data_class=_data_class(record, spec.classification),
        mark=mark,
        problem=next(problems, None),
    )


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
            "unreadable", f"{where} is {_kind(record)}, not an object; write {{...}} on each line"
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


def _identity(record: dict[str, object], field: str, where: str) -> str | Problem:
    value = record.get(field)
    if isinstance(value, float) and not abs(value) < _EXACT:
        # From here on two different numbers may have been read as the same one.
        what = f"has in {field!r} a number too large to be exact; write it in quotes"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    elif value is None:
        what = f"has no {field!r}, which input.id names as the id; add it"
    elif not isinstance(value, str):
        what = f"has {_kind(value)} in {field!r}; an id is a string or a number"
    elif not value.strip() or "\0" in value:
        what = f"has no usable id in {field!r}: it is blank or holds NUL; change it"
    elif len(value) > MAX_ID_CHARACTERS:
        what = f"has in {field!r} more than {MAX_ID_CHARACTERS:,} characters; use a shorter id"
    else:
        return value
    return Problem("missing_id", f"{where} {what}")


def _text(record: dict[str, object], field: str, where: str) -> str | Problem:
    value = record.get(field)
    if isinstance(value, str):
        return value
    if value is None:
        what = f"has no {field!r}, which input.text names as the text; add it"
    else:
        what = f"has {_kind(value)} in {field!r}, which is not text; write a string"
    return Problem("missing_text", f"{where} {what}")


def _attributes(
    record: dict[str, object], fields: tuple[str, ...], where: str
) -> dict[str, str] | Problem:
    """The fields as strings: objects and lists as JSON, null as if it were not there."""
    found = {field: value for field in fields if (value := record.get(field)) is not None}
    try:
        return {field: _as_string(value) for field, value in found.items()}
    except orjson.JSONEncodeError:
        return Problem(
            "unreadable", f"{where} nests an attribute too deeply to be kept; flatten it"
        )


def _data_class(record: dict[str, object], field: str | None) -> str:
    """The item's own data class; what is no string names no known class."""
    value = None if field is None else record.get(field)
    if value is None:
        return ""
    return value if isinstance(value, str) else _kind(value)


def _as_string(value: object) -> str:
    return control_characters(value) if isinstance(value, str) else orjson.dumps(value).decode()


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
