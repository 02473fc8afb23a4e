"""Record: the columns of one row, and the item that they make; the same for every source of rows.

What an id, a text, an attribute and an instant may look like is said here, once. How rows are
found is the part of the readers (`jsonl.py`, `csv_rows.py`, `parquet_rows.py`, `sql_rows.py`,
`table_rows.py`); whether an item may be asked is `admission.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from uuid import UUID

import orjson

from ..errors import IntakeError
from ..spec.input import InputSpec
from ..spec.priority import priority_of
from .admission import Item
from .cleaning import control_characters
from .document import Problem
from .instants import epoch_seconds, is_null

MAX_ID_CHARACTERS = 1024
_EXACT = 2**53
_PLAIN = (Decimal, UUID, date, time, timedelta)
_NAMES = (int, float, Decimal, UUID, date, time)
_COLUMN_NAME = re.compile(r"(?=.*[^\W\d])[\w.:/()%#$@ -]{1,60}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SHOWN_COLUMNS = 20
_WORDS_OF_A_NAME = 5


def record_item(
    spec: InputSpec,
    record: Mapping[str, object],
    source: str,
    mark: str,
    raw: bytes | None,
    where: str,
) -> Item:
    """The item that `record` makes, by the columns that the job names; never raises.

    source, mark: the file, table or query, and the place in it, such as `#row=17`; together they
    are the item's source, and its name where the job names no id column. raw: what was read;
    None: the record as JSON; it must stay as it is until the item is admitted. where: the same
    place in words, for messages, such as `row 17 of 'orders.csv'`. Columns that the job does not
    name may be left out of `record`.
    """
    place = source + mark
    # Problems name the place and the column; they never quote what is in it.
    name = place if spec.id is None else _identity(record.get(spec.id), spec.id, where)
    text = _text(record.get(spec.text), spec.text, where)
    attributes = _attributes(record, spec.attributes, where)
    changed = None if spec.updated_at is None else _changed(record, spec.updated_at, where)
    problems = (f for f in (name, text, attributes, changed) if isinstance(f, Problem))
    return Item(
        name=place if isinstance(name, Problem) else name,
        source=place,
        raw=partial(_as_json, record) if raw is None else raw,
        text="" if isinstance(text, Problem) else text,
        attributes={} if isinstance(attributes, Problem) else attributes,
        data_class=_data_class(record, spec.classification),
        mark=mark,
        problem=next(problems, None),
        kind="row",
        changed=None if isinstance(changed, Problem) else changed,
        priority=0 if spec.priority is None else priority_of(record.get(spec.priority)),
    )


def needed_columns(spec: InputSpec) -> dict[str, str]:
    """The columns that the job names, each with the field of `job.yaml` that names it."""
    named = [
        (spec.id, "input.id"),
        (spec.text, "input.text"),
        *((column, "input.attributes") for column in spec.attributes),
        (spec.classification, "input.classification"),
        (spec.priority, "input.priority"),
        (spec.updated_at, "input.updated_at"),
    ]
    needed: dict[str, str] = {}
    for column, field in named:
        if column is not None:
            needed.setdefault(column, field)
    return needed


def require_columns(
    spec: InputSpec, there: Sequence[str], where: str, hint: str = "", *, of_a_line: bool = False
) -> None:
    """IntakeError where a column that the job names is not there, or is there twice.

    where: what has the columns, such as `'orders.csv'`. hint: what else may be wrong. of_a_line:
    whether the names are a line of a text, which may as well be the first document.
    """
    needed = needed_columns(spec)
    sure = not of_a_line or bool(_folded(needed).keys() & _folded(there).keys())
    for column, field in needed.items():
        found = there.count(column)
        if found > 1:
            raise IntakeError(
                f"{where} has {found} columns named {column!r}, which {field} names; "
                "give each column a name of its own"
            )
        if not found:
            raise IntakeError(
                f"{where} has no column {column!r}, which {field} names"
                f"{_instead(column, there if sure else ())}. "
                f"{hint or 'Correct job.yaml or the source'}, then run the batch again"
            )


def _instead(column: str, there: Sequence[str]) -> str:
    names = [name for name in there if name.strip()]
    # A first line without names may be a document, and is not to be shown.
    if not names or not all(map(_looks_like_a_name, names)):
        return "; its columns do not look like names, a line with them may be missing"
    shown = ", ".join(names[:_SHOWN_COLUMNS])
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    folded = _folded(names)
    close = get_close_matches(column.casefold().strip(), folded, n=1)
    meant = f"; did you mean {folded[close[0]]!r}?" if close else ""
    return f" (there are {shown}{more}{meant})"


def _folded(names: Iterable[str]) -> dict[str, str]:
    """The names by how they are compared; of equal ones the first."""
    return {name.casefold().strip(): name for name in reversed(list(names))}


def _looks_like_a_name(name: str) -> bool:
    return bool(_COLUMN_NAME.fullmatch(name)) and len(name.split()) <= _WORDS_OF_A_NAME


def _identity(value: object, column: str, where: str) -> str | Problem:
    if isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            what = f"has in {column!r} an id that is not UTF-8; write it as UTF-8"
        elif value.strip() and "\0" not in value and len(value) <= MAX_ID_CHARACTERS:
            return value
        elif len(value) > MAX_ID_CHARACTERS:
            what = f"has in {column!r} more than {MAX_ID_CHARACTERS:,} characters; use a shorter id"
        else:
            what = f"has no usable id in {column!r}: it is blank or holds NUL; change it"
    elif is_null(value):
        what = f"has no {column!r}, which input.id names as the id; add it"
    elif isinstance(value, float) and not abs(value) < _EXACT:
        # From here on two different numbers may have been read as the same one.
        what = f"has in {column!r} a number too large to be exact; write it in quotes"
    elif isinstance(value, datetime):
        return value.isoformat()
    elif isinstance(value, _NAMES) and not isinstance(value, bool):
        return str(value)
    else:
        what = f"has {value_kind(value)} in {column!r}; an id is a string or a number"
    return Problem("missing_id", f"{where} {what}")


def _text(value: object, column: str, where: str) -> str | Problem:
    if isinstance(value, str | bytes):
        try:
            return _encodable(value) if isinstance(value, str) else value.decode("utf-8")
        except UnicodeError as error:
            return _undecodable(error, column, where)
    if is_null(value):
        what = f"has no {column!r}, which input.text names as the text; add it"
    else:
        what = f"has {value_kind(value)} in {column!r}, which is not text; write a string"
    return Problem("missing_text", f"{where} {what}")


def _attributes(
    record: Mapping[str, object], columns: tuple[str, ...], where: str
) -> dict[str, str] | Problem:
    """The columns as strings: objects and lists as JSON, null as if it were not there."""
    found: dict[str, str] = {}
    for column in columns:
        value = record.get(column)
        if is_null(value):
            continue
        try:
            found[column] = _encodable(_as_string(value))
        except UnicodeError as error:
            return _undecodable(error, column, where)
        except (orjson.JSONEncodeError, RecursionError) as error:
            if isinstance(error.__cause__, UnicodeError) or "UTF-8" in str(error):
                return _undecodable(error, column, where)
            return Problem(
                "unreadable", f"{where} nests an attribute too deeply to be kept; flatten it"
            )
    return found


def _changed(record: Mapping[str, object], column: str, where: str) -> float | Problem | None:
    try:
        return epoch_seconds(record.get(column))
    except ValueError:
        return Problem(
            "unreadable",
            f"{where} has in {column!r}, which input.updated_at names, no instant; write one such "
            "as 2026-11-22T14:30:00Z, a day, or seconds since 1970",
        )


def _encodable(text: str) -> str:
    """The text, where UTF-8 can hold it; halves of a surrogate pair raise UnicodeEncodeError."""
    if not text.isascii():
        text.encode("utf-8")
    return text


def _undecodable(error: Exception, column: str, where: str) -> Problem:
    at = f" at offset {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    return Problem(
        "undecodable", f"{where} has in {column!r} what is not UTF-8{at}; write it as UTF-8"
    )


def _data_class(record: Mapping[str, object], column: str | None) -> str:
    """The item's own data class; what is no string names no known class."""
    value = None if column is None else record.get(column)
    if value is None:
        return ""
    return value if isinstance(value, str) else value_kind(value)


def _as_string(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if isinstance(value, str):
        return control_characters(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, _PLAIN):
        return str(value)
    if isinstance(value, int):
        return orjson.dumps(value).decode() if -(2**63) <= value < 2**64 else str(value)
    return orjson.dumps(value, _plain, orjson.OPT_NON_STR_KEYS).decode()


def _as_json(record: Mapping[str, object]) -> bytes:
    try:
        return orjson.dumps(dict(record), _lossy, orjson.OPT_NON_STR_KEYS)
    except (orjson.JSONEncodeError, RecursionError):
        return repr(dict(record)).encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    """Inside of a list or an object, what JSON has no word for."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _lossy(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _plain(value)


def value_kind(value: object) -> str:
    """What a value is, in words that fit every source."""
    if isinstance(value, bool):
        return "true or false"
    kinds = (
        (Mapping, "an object"),
        (list | tuple, "a list"),
        (str, "a string"),
        (int | float | Decimal, "a number"),
        (bytes, "bytes"),
        (date | time, "a date or time"),
    )
    return next((said for kind, said in kinds if isinstance(value, kind)), "null")
