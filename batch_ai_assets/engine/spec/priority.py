"""Priority: who goes first where not everybody can. A word in job files, a number in stores."""

from __future__ import annotations

from typing import Literal, get_args

Priority = Literal["low", "normal", "high", "urgent"]

PRIORITIES: dict[Priority, int] = {"low": -1, "normal": 0, "high": 1, "urgent": 2}
"""As Dagster's run queue counts it: the highest first, 0 where nobody says."""


def priority_of(word: object) -> int:
    """The number for a word, whatever its case; normal for anything that is none."""
    said = word.strip().lower() if isinstance(word, str) else ""
    return next((PRIORITIES[known] for known in get_args(Priority) if known == said), 0)
