"""Link: a page elsewhere that a report points to. Which pages there are is said by who calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """A page, under the word that people click."""

    label: str
    url: str
