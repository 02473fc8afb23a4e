"""Figures in the text format of Prometheus: families of samples in, lines out. Pure.

Which figures there are is `engine/metrics.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isinf, isnan


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure, with what tells it from others of its family."""

    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name; gauges, since each is how things stand now."""

    name: str
    """With its unit at the end, as is the custom: `_usd`, `_seconds`, `_ratio`."""
    says: str
    samples: tuple[Sample, ...]


def exposition(families: Iterable[Family]) -> str:
    """One after the other; a family without samples says that it is there."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {_escaped(family.says)}"
    yield f"# TYPE {family.name} gauge"
    for sample in family.samples:
        labels = ",".join(
            f'{name}="{_escaped(value, quotes=True)}"' for name, value in sample.labels.items()
        )
        yield f"{family.name}{{{labels}}} {_number(sample.value)}" if labels else (
            f"{family.name} {_number(sample.value)}"
        )


def _escaped(text: str, *, quotes: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quotes else escaped


def _number(value: float) -> str:
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
