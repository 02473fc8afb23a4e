"""Trends: how each check went over the last batches of a job. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..figures import counted
from ..validation.check_result import CheckResult

_SHARES = frozenset({"failure_rate", "dead_letter_rate", "validation_pass_rate", "sla"})
_STEPS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch and what its checks found."""

    batch: str
    checks: tuple[CheckResult, ...]


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
        return sparkline(self.values)


def sparkline(values: Sequence[float | None]) -> str:
    """The values as a line of small bars, from their lowest to their highest."""
    known = [value for value in values if value is not None]
    if not known:
        return _UNKNOWN * len(values)
    low, span = min(known), max(known) - min(known)
    return "".join(
        _UNKNOWN if value is None else _STEPS[_step(value - low, span)] for value in values
    )


def _step(above: float, span: float) -> int:
    return 0 if span <= 0 else round(above / span * (len(_STEPS) - 1))


def main_figure(check: CheckResult) -> float | None:
    """The one number of a check that is worth a line over time."""
    if check.name in _SHARES:
        return check.figures.get(check.name)
    if check.name == "confidence":
        return check.figures.get("mean")
    if check.name.startswith("input_"):
        return check.figures.get("share", check.figures.get("items"))
    named = ("pending", "failing_rows", "faults", "rows")
    return next((check.figures[name] for name in named if name in check.figures), None)


def trends(batches: Sequence[Checked]) -> dict[str, Trend]:
    """Every check that these batches had, by name; oldest batch first."""
    names = dict.fromkeys(check.name for one in batches for check in one.checks)
    found = [{check.name: check for check in one.checks} for one in batches]
    return {
        name: Trend(
            name,
            tuple(one.batch for one in batches),
            tuple(main_figure(one[name]) if name in one else None for one in found),
            sum(name in one and not one[name].passed for one in found),
        )
        for name in names
    }


def trend_words(trend: Trend) -> str:
    """The line, and how often it failed; empty for a single batch."""
    if len(trend.batches) < 2:
        return ""
    failed = f"failed in {trend.failed}" if trend.failed else "never failed"
    return f"{trend.line}  {failed} of the last {counted(len(trend.batches), 'batch', 'batches')}"
