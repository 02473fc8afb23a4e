"""Calendars: lines that name days, and which of them a day is. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta

_WORDS = ("last_day", "last_business_day")


def calendar_problem(lines: Sequence[str]) -> str:
    """What is wrong with a calendar; empty where nothing is."""
    if not lines:
        return "no day stands in it. Write one on each line: 2026-11-30, or last_business_day."
    for line in lines:
        if line not in _WORDS and _day(line) is None:
            return f"{line!r} is no day. Write 2026-11-30, last_day or last_business_day."
    return ""


def is_in_calendar(day: date, lines: Sequence[str]) -> bool:
    """Whether the calendar names this day. Business days are Monday to Friday."""
    return any(
        day == (last_day(day) if line == "last_day" else last_business_day(day))
        if line in _WORDS
        else day == _day(line)
        for line in lines
    )


def last_day(of: date) -> date:
    """The last day of this day's month."""
    return of.replace(day=monthrange(of.year, of.month)[1])


def last_business_day(of: date) -> date:
    """The last Monday to Friday of this day's month."""
    day = last_day(of)
    return day - timedelta(days=max(0, day.weekday() - 4))


def _day(line: str) -> date | None:
    try:
        return date.fromisoformat(line) if len(line) == 10 else None
    except ValueError:
        return None
