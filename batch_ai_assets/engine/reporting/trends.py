"""Trends: how each check went over the last batches of a job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..validation.check_result import CheckResult
from .completion import CompletionRecord

_SHARES = frozenset({"failure_rate", "dead_letter_rate", "validation_pass_rate"})
_STEPS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"


@dataclass(frozen=True, slots=True)
class Trend:
    """One check over batches, oldest first."""

    name: str
    batches: tuple[str, ...]
    values: tuple[float | None, ...]
    """Its main figure; None where a batch has none."""
    failed: int
    """In so many of these batches it failed."""

    @property
    def line(self) -> str:
        """The values as a line of small bars, from their lowest to their highest."""
        known = [value for value in self.values if value is not None]
        if not known:
            return _UNKNOWN * len(self.values)
        low, span = min(known), max(known) - min(known)
        return "".join(
            _UNKNOWN if value is None else _STEPS[_step(value - low, span)]
            for value in self.values
        )


def _step(above: float, span: float) -> int:
    return 0 if span <= 0 else round(above / span * (len(_STEPS) - 1))


def main_figure(check: CheckResult) -> float | None:
    """The one number of a check that is worth a line over time."""
    if check.name in _SHARES:
        return check.figures.get(check.name)
    if check.name.startswith("input_"):
        return check.figures.get("share", check.figures.get("items"))
    named = ("pending", "failing_rows", "faults", "rows")
    return next((check.figures[name] for name in named if name in check.figures), None)


def one_each(records: Iterable[CompletionRecord]) -> list[CompletionRecord]:
    """The newest record of each batch, oldest batch first; `records` come newest first."""
    newest: dict[str, CompletionRecord] = {}
    for record in records:
        newest.setdefault(record.batch, record)
    return list(reversed(newest.values()))


def trends(records: Sequence[CompletionRecord]) -> dict[str, Trend]:
    """Every check that these batches had, by name; `records` as `one_each` gives them."""
    names = dict.fromkeys(check.name for record in records for check in record.checks)
    found = [{check.name: check for check in record.checks} for record in records]
    return {
        name: Trend(
            name,
            tuple(record.batch for record in records),
            tuple(main_figure(one[name]) if name in one else None for one in found),
            sum(name in one and not one[name].passed for one in found),
        )
        for name in names
    }
