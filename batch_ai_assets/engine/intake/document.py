"""Document: one item as it was read, and the problem that keeps it from the model, if any.

What the readers hand to the planner. Nothing is dropped on the way: an input that cannot be used
is a Document with a Problem, so that it ends as a dead letter with its reason. How documents are
read is in `text_folder.py` and its neighbours; whether one is too long is the planner's to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ProblemReason = Literal[
    "empty_text",
    "undecodable",
    "unreadable",
    "missing_id",
    "missing_text",
    "duplicate_id",
    "classified_above_job",
    "no_text",
]
"""Why an item ends dead before any call."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one item. The message names places, never quotes the document."""

    reason: ProblemReason
    message: str


@dataclass(frozen=True, slots=True)
class Extract:
    """What was got out of one file."""

    text: str = field(repr=False)
    pages: int | None = None
    """How many pages it has, where it has pages."""
    plain: bool = False
    """Whether markup has been taken out already; then cleaning must not look for any."""


@dataclass(frozen=True, slots=True)
class Document:
    """One item of a batch, cleaned."""

    item_id: str
    """Unique within the batch and never empty. A line without a usable id is named
    `<file>#line=17`, a repeated id `<id>#line=17`."""
    text: str = field(repr=False)
    """The cleaned text; empty where there is a problem, so that it cannot be sent by mistake."""
    raw: bytes = field(repr=False)
    """What was read, for the dead letter; the caller seals it. Empty where there is no problem,
    and where nothing could be read."""
    source: str
    """The file, posix, relative to the input root; `#line=17` follows where lines are items."""
    attributes: dict[str, str] = field(repr=False)
    """Further fields the job asked to keep, as strings."""
    data_classification: str
    """The item's own data class, or the job's where the item carries none."""
    problem: Problem | None = None
    """None: the item may be planned. Otherwise it ends dead for this reason."""
    kind: str = "txt"
    """Its type, what groups go by: the file's ending in lower case without the dot, `row` for a
    row of a table."""
    pages: int | None = None
    """How many pages it has, where it has pages."""
    changed: float | None = None
    """When it was written or changed, UTC seconds since the epoch, where that is known."""
    priority: int = 0
    """Items with a higher one are asked first (see `spec/priority.py`)."""
