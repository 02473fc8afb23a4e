"""Fact: one thing that a drill read, beside the bar that it is held to. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Fact:
    """What was read, and whether that is as it should be."""

    name: str
    value: Value
    bar: str
    holds: bool


def exactly(name: str, value: Value, wanted: Value) -> Fact:
    """It must be this and nothing else."""
    return Fact(name, value, shown(wanted), value == wanted)


def at_most(name: str, value: float, most: float) -> Fact:
    """It must not be more."""
    return Fact(name, value, f"<= {shown(most)}", value <= most)


def at_least(name: str, value: float, least: float) -> Fact:
    """It must not be less: that there was trouble at all, or that enough was done."""
    return Fact(name, value, f">= {shown(least)}", value >= least)


@dataclass(frozen=True, slots=True)
class Report:
    """All that one drill showed."""

    drill: str
    facts: tuple[Fact, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """A drill that showed nothing has proved nothing."""
        return bool(self.facts) and all(fact.holds for fact in self.facts)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "drill": self.drill,
            "holds": self.holds,
            "facts": [asdict(fact) for fact in self.facts],
            "seconds": round(self.seconds, 1),
        }


def report(drill: str, facts: Iterable[Fact], seconds: float) -> Report:
    return Report(drill, tuple(facts), seconds)


def shown(value: Value) -> str:
    """A figure for people: no more decimals than it needs."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else value
