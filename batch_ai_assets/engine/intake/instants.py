"""Instant: when a row was written or changed, in the spellings that sources have for it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_DAY_DIGITS = 8
# Beyond 1e11 seconds lies the year 5138: such a figure counts in finer units.
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def epoch_seconds(value: object) -> float | None:
    """UTC seconds since the epoch; None for null and blank.

    Takes dates (their midnight) and datetimes, ISO 8601 strings, and numbers or digits: seconds
    since the epoch, or milli-, micro- or nanoseconds where they are too large for it. What names
    no time zone is UTC. Raises ValueError for anything else.
    """
    if isinstance(value, str):
        value = _read(value.strip())
    if is_null(value):
        return None
    if isinstance(value, datetime):
        return _nameable((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return datetime.combine(value, time.min, UTC).timestamp()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _in_seconds(value)
    raise ValueError("not an instant")


def is_null(value: object) -> bool:
    """Whether there is no value: null, and what tables write in its place (NaN, NaT)."""
    if isinstance(value, Decimal):
        return value.is_nan()
    # Only they differ from themselves.
    return value is None or (isinstance(value, float | datetime) and value != value)


def _read(text: str) -> datetime | float | None:
    if not text:
        return None
    if _NUMBER.fullmatch(text) and len(text) != _DAY_DIGITS:
        return float(text)
    return datetime.fromisoformat(text)


def _in_seconds(value: int | float | Decimal) -> float:
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error
    for above, unit in _UNITS:
        if abs(number) >= above:
            return _nameable(number / unit)
    return _nameable(number)


def _nameable(seconds: float) -> float:
    """The same, where a calendar can name it: nothing else can be kept in a table."""
    try:
        datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("beyond the calendar") from error
    return seconds
