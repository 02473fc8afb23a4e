"""Decision: whether what has arrived becomes a batch now, and what is missing where it does not.

Pure: figures, clock and signals come in, words come out. Counting what waits is
`engine/state/arrivals.py`; claiming it is `engine/intake/inbox.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..figures import counted as counted
from ..spec.base import bytes_of, seconds_of
from ..spec.batches import BatchesSpec
from ..spec.calendar import is_in_calendar

if TYPE_CHECKING:
    from ..state.arrivals import Waiting

_DAYS_BACK = 370
_DAYS_AHEAD = 370


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks beside the figures: each names an occasion that nobody has obeyed yet."""

    flag: str | None = None
    """The flag file is there, and all that was delivered before it has been seen."""
    day: str | None = None
    """A day of the calendar has come, and all that lay there at its hour has been seen."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to make a batch, in words."""

    fires: bool
    why: str
    """The threshold that was passed, or all that is missing."""
    occasion: str | None = None
    """What is obeyed by it, once nothing is left waiting."""


def decide(waiting: Waiting, batches: BatchesSpec, now: float, signals: Signals) -> Decision:
    """The first threshold that is passed makes a batch; outside of the start window none does."""
    if (window := batches.start_window) is not None:
        clock = f"{datetime.fromtimestamp(now, ZoneInfo(batches.timezone)):%H:%M}"
        if not window.holds(clock):
            return Decision(
                False,
                f"It is {clock} ({batches.timezone}); batches start from {window.since} to"
                f" {window.until}. {_amount(waiting)}.",
            )
    occasion = signals.flag or signals.day
    if not waiting.files:
        # A signal without documents is obeyed as well, or it would take what comes much later.
        return Decision(False, "Nothing is waiting.", occasion)
    if signals.flag:
        return Decision(True, "the flag has come", occasion)
    if signals.day:
        return Decision(True, "the calendar names this day", occasion)
    reached, missing = _measured(waiting, batches, now)
    if reached:
        return Decision(True, reached)
    return Decision(False, f"{_amount(waiting)}. Not enough: {'; '.join(missing)}.")


def _measured(waiting: Waiting, batches: BatchesSpec, now: float) -> tuple[str, list[str]]:
    """The threshold that is reached, in words, or what each of them still lacks."""
    spec = batches.arrival
    assert spec is not None
    missing: list[str] = []
    if spec.items is not None:
        said = f"{waiting.items:,} of {spec.items:,} items"
        if waiting.items >= spec.items:
            return said, []
        missing.append(said)
    if spec.bytes is not None:
        said = f"{size(waiting.bytes)} of {size(bytes_of(spec.bytes))}"
        if waiting.bytes >= bytes_of(spec.bytes):
            return said, []
        missing.append(said)
    if spec.age is not None:
        age = now - (now if waiting.oldest is None else waiting.oldest)
        allowed = duration(seconds_of(spec.age))
        said = f"the oldest has waited {duration(age)} of {allowed}"
        if age >= seconds_of(spec.age):
            return said, []
        missing.append(said)
    if spec.flag is not None:
        missing.append(f"no new flag {spec.flag}")
    if spec.calendar is not None:
        missing.append(f"no day of {spec.calendar}")
    return "", missing


def last_due(
    calendar: Sequence[str], batches: BatchesSpec, now: float
) -> tuple[date, float] | None:
    """The newest day of the calendar whose hour has come: the day, and that hour in UTC seconds."""
    today = datetime.fromtimestamp(now, ZoneInfo(batches.timezone)).date()
    for back in range(_DAYS_BACK):
        day = today - timedelta(days=back)
        if is_in_calendar(day, calendar) and (hour := _hour(day, batches)) <= now:
            return day, hour
    return None


def next_due(calendar: Sequence[str], batches: BatchesSpec, now: float) -> date | None:
    """The next day of the calendar, for people who wait for it."""
    today = datetime.fromtimestamp(now, ZoneInfo(batches.timezone)).date()
    for ahead in range(_DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        if is_in_calendar(day, calendar) and _hour(day, batches) > now:
            return day
    return None


def _hour(day: date, batches: BatchesSpec) -> float:
    """`batches.at` on this day. An hour that the clock leaps over is the one after the leap."""
    at = time.fromisoformat(batches.at)
    local = datetime.combine(day, at, ZoneInfo(batches.timezone))
    return local.astimezone(UTC).timestamp()


def _amount(waiting: Waiting) -> str:
    if not waiting.files:
        return "Nothing is waiting"
    return f"{counted(waiting.items, 'item')} in {counted(waiting.files, 'file')} waiting"


def duration(seconds: float) -> str:
    """A span in its two largest units, such as `1 min 52 s`, `15 min` or `2 d 4 h`."""
    parts, rest = [], max(0, int(seconds))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, rest = divmod(rest, length)
        parts.append((number, f"{number:,} {unit}"))
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(
        said for number, said in parts[first : first + 2] if number or first == len(parts) - 1
    )


def size(number: float) -> str:
    """Bytes, such as `832 B`, `12 kB` or `5 MB`."""
    for unit in ("B", "kB"):
        if number < 1000:
            return f"{number:,.0f} {unit}"
        number /= 1000
    return f"{number:,.1f}".removesuffix(".0") + " MB"
