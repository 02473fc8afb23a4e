"""Geometry of the small plots: from figures to positions on a line of 0 to 100. Pure.

The template draws them as inline SVG; `markdown.py` draws bars of text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .completion import CompletionRecord

_THINNEST = 0.8
"""Width of the smallest segment that is not empty: one dead letter in a million is still seen."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a stacked bar."""

    name: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Gauge:
    """What was used of what was allowed; `scale` is the position of 100 % of the allowance."""

    width: float
    scale: float
    share: float
    tone: str
    marks: tuple[float, ...]
    """Positions of the warning levels."""


def stacked(counts: Mapping[str, int]) -> tuple[Segment, ...]:
    """Segments that fill 0 to 100 in the given order; empty ones are left out."""
    shown = {name: count for name, count in counts.items() if count > 0}
    total = sum(shown.values())
    widths = {name: max(_THINNEST, 100 * count / total) for name, count in shown.items()}
    squeeze = 100 / sum(widths.values()) if widths else 1.0
    segments, start = [], 0.0
    for name, count in shown.items():
        width = widths[name] * squeeze
        segments.append(Segment(name, count, round(start, 3), round(width, 3)))
        start += width
    return tuple(segments)


@dataclass(frozen=True, slots=True)
class Column:
    """One of a row of columns; the highest is `COLUMN_HEIGHT` high."""

    name: str
    start: float
    width: float
    height: float


COLUMN_HEIGHT = 20.0


def columns(values: Mapping[str, float]) -> tuple[Column, ...]:
    """A column for each value, side by side from 0 to 100; none where all are 0."""
    most = max(values.values(), default=0.0)
    if most <= 0:
        return ()
    step = 100 / len(values)
    return tuple(
        Column(
            name, round(place * step, 3), round(step * 0.8, 3),
            round(COLUMN_HEIGHT * value / most, 3),
        )
        for place, (name, value) in enumerate(values.items())
    )  # fmt: skip


def gauge(used: float, allowed: float, warn_at: Sequence[float]) -> Gauge:
    """A bar of `used` against `allowed` (> 0), with marks at shares of the allowance."""
    share = used / allowed
    scale = 100.0 if share <= 1 else 100 / share
    tone = "bad" if share > 1 else "warn" if share >= min(warn_at) else "good"
    return Gauge(
        width=round(min(100.0, share * scale), 3),
        scale=round(scale, 3),
        share=share,
        tone=tone,
        marks=tuple(round(level * scale, 3) for level in warn_at),
    )


def cost_gauge(record: CompletionRecord) -> Gauge | None:
    """Cost against the budget in USD, or tokens against that in tokens; warning at 80 %."""
    if record.budget_usd:
        return gauge(record.cost_usd, record.budget_usd, (0.8,))
    if record.budget_tokens:
        return gauge(record.tokens_in + record.tokens_out, record.budget_tokens, (0.8,))
    return None


def sla_gauge(record: CompletionRecord) -> Gauge | None:
    """Time since the trigger against the SLA; warnings at 70 and 90 %."""
    if not record.sla_seconds:
        return None
    used = record.sla_used_seconds or record.duration_seconds  # of a record from before it was kept
    return gauge(used, record.sla_seconds, (0.7, 0.9))


def text_bar(share: float, width: int = 20) -> str:
    """A bar of text; never empty above 0, never full below 1."""
    share = min(1.0, max(0.0, share))
    filled = round(share * width)
    if share > 0:
        filled = max(1, filled)
    if share < 1:
        filled = min(width - 1, filled)
    return "█" * filled + "░" * (width - filled)
