"""Kinds of dead letters: those that died for the same reason with nearly the same words. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ..state.rows import DeadLetterRow

_DIFFERS = re.compile(r"'[^']*'|\"[^\"]*\"|\b[0-9a-f]{12,}\b|\d[\d.,:]*\d|\d")
"""What differs between messages that say the same: names in quotes, hashes, numbers."""


@dataclass(frozen=True, slots=True)
class LetterKind:
    """Dead letters that one person can judge together."""

    reason: str
    message: str
    """What they say, with … in place of what may differ where it does."""
    letters: tuple[DeadLetterRow, ...]


def kinds(letters: Iterable[DeadLetterRow]) -> list[LetterKind]:
    """The letters by reason and similar message, the most frequent kind first."""
    found: dict[tuple[str, str], list[DeadLetterRow]] = defaultdict(list)
    for letter in letters:
        found[letter.reason, similar(letter.message)].append(letter)
    ordered = sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    return [
        LetterKind(reason, _said(message, group), tuple(group))
        for (reason, message), group in ordered
    ]


def _said(message: str, group: list[DeadLetterRow]) -> str:
    first = group[0].message
    return first if all(letter.message == first for letter in group) else message


def similar(message: str) -> str:
    """A message without what differs between those of its kind."""
    return _DIFFERS.sub("…", message)
