"""Measure: one figure beside its bar, and the table that all of them make at the end of a run.

A module `bench_<name>` yields its measures; nothing here knows what is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Measure:
    """One line of the table."""

    measure: str
    figure: float
    bar: float
    """What is promised."""
    open: float | None
    """Beyond this the promise is broken for good; None: the bar is all there is."""
    unit: str = "×"
    more_is_better: bool = False
    details: dict[str, float | str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.figure >= self.bar if self.more_is_better else self.figure <= self.bar

    def as_json(self) -> str:
        """One line."""
        return json.dumps({**asdict(self), "holds": self.holds})


def table(measures: Iterable[Measure]) -> str:
    """Every figure beside its bar, and whether it holds."""
    lines = [f"{'measure':<64} {'figure':>10} {'bar':>10} {'open':>10}"]
    for one in measures:
        sign = "≥" if one.more_is_better else "≤"
        beyond = "" if one.open is None else f"{'<' if one.more_is_better else '>'} {one.open:g}"
        lines.append(
            f"{one.measure:<64} {one.figure:>8.3g} {one.unit:<1} {sign:>2} {one.bar:>7g}"
            f" {beyond:>10}  {'holds' if one.holds else 'DOES NOT HOLD'}"
        )
    return "\n".join(lines)
