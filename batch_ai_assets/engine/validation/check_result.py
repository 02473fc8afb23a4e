"""CheckResult: what one check of a batch found, in words a data steward understands.

The checks themselves are in `checks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["warn", "error"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one batch version. Never holds document text; item ids are fine."""

    name: str
    passed: bool
    severity: Severity
    """How bad it is where it failed."""
    blocking: bool
    """True: while this check fails, nothing of the batch is released."""
    meaning: str
    """What the check protects, one sentence."""
    found: str
    """What was counted or measured."""
    bar: str
    """What would have passed."""
    todo: str
    """What a person does now; empty where it passed."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Numbers that plot over time; the same keys in every batch."""

    @property
    def stops_release(self) -> bool:
        return self.blocking and not self.passed
