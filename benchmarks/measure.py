"""Measure: one figure, the bar of the design that it is held against, and whether it holds.

Every `bench_<name>.py` beside this file has a function `measures() -> Iterator[Measure]`, which
yields each figure as soon as it is found, and ends with `show(measures())`, so that it can be run
alone. How runs are made and compared is `runs.py`'s; which modules there are is `__main__.py`'s.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDS = Path("build/bench.jsonl")
"""Where the last measures lie, a JSON object a line."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table."""

    measure: str
    """What was measured, with all that tells it from the others of its kind."""
    figure: float
    bar: float
    """What the design promises: the figure may reach it, and not pass it."""
    open: float | None
    """So far beyond the bar that it counts as not done at all, whatever the noise; None: the bar is
    all there is."""
    unit: str = "×"
    at_least: bool = False
    """True where more is better: `bar` and `open` are then lower bounds."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the figure was made from; JSON."""

    @property
    def holds(self) -> bool:
        return self.figure >= self.bar if self.at_least else self.figure <= self.bar

    @property
    def verdict(self) -> str:
        if self.holds:
            return "holds"
        if self.open is None:
            return "misses the bar"
        beyond = self.figure < self.open if self.at_least else self.figure > self.open
        return "STAYS OPEN" if beyond else "misses the bar"

    def record(self) -> dict[str, Any]:
        """For machines: one line of `RECORDS`."""
        return {
            "measure": self.measure,
            "figure": self.figure,
            "bar": self.bar,
            "open": self.open,
            "unit": self.unit,
            "at_least": self.at_least,
            "holds": self.holds,
            "details": dict(self.details),
        }


def show(measures: Iterable[Measure], records: Path = RECORDS) -> list[Measure]:
    """Take every measure, say each on stderr as it comes, print the table, write the records."""
    found = []
    records.parent.mkdir(parents=True, exist_ok=True)
    with records.open("w") as file:
        for one in measures:
            found.append(one)
            print(json.dumps(one.record()), file=file, flush=True)
            print(f"  {one.measure}: {_said(one, one.figure)}, {one.verdict}", file=sys.stderr)
    print(table(found))
    print(f"\nas JSON, a line each: {records.resolve()}")
    return found


def table(measures: Iterable[Measure]) -> str:
    """All measures, one a line, for people."""
    lines = [("measure", "figure", "bar", "stays open", "")]
    for one in measures:
        to_bar, to_open = ("≥ ", "below ") if one.at_least else ("≤ ", "above ")
        lines.append(
            (
                one.measure,
                _said(one, one.figure),
                to_bar + _said(one, one.bar),
                "" if one.open is None else to_open + _said(one, one.open),
                one.verdict,
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    first, *others = widths
    return "\n".join(
        f"{name:<{first}}"
        + "".join(f"  {word:>{width}}" for word, width in zip(words, others, strict=True))
        for name, *words in lines
    )


def _said(one: Measure, figure: float) -> str:
    plain = f"{figure:,.0f}" if figure == int(figure) and figure >= 10 else f"{figure:,.3g}"
    number = f"{figure:.2f}" if one.unit == "×" else plain
    return f"{number} {one.unit}".rstrip()
