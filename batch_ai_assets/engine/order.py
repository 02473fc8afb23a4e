"""An order: what a person told a batch to do. A value; where it is kept is `state/orders.py`'s."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OrderKind(StrEnum):
    """What a batch can be told."""

    PAUSE = "pause"
    """Stop, with all that was answered, until it is told to go on."""
    RESUME = "resume"
    CANCEL = "cancel"
    """Give it up: what is pending is not asked."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a batch was told, by whom and why; `at` in UTC seconds since the epoch."""

    kind: OrderKind
    why: str
    who: str
    at: float
