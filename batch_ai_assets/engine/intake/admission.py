"""Admission: what every item passes on its way in, whatever it was read from.

A unique name, a data class the job may handle, a text that is there and clean. An item that fails
becomes a Document with a Problem; it is never dropped. How items are found in files is the
readers' part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from ..spec.base import DATA_CLASSES, class_rank
from ..spec.resolved import ResolvedJob
from .cleaning import cleaner, is_blank
from .document import Document, Problem
from .seen import SeenNames

_UNKNOWN_CLASS = "unknown"
"""In place of a word that is no data class: where cells are shifted, it may be a document."""
MAX_ITEM_BYTES = 32 * 1024 * 1024
"""Files and lines above this are refused unread; a document of 5 MB fits whatever its escapes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item as a reader found it, not yet judged."""

    name: str
    """The name it claims."""
    source: str
    """Where it was read; unique, and the name of an item that has no other."""
    raw: bytes | Callable[[], bytes] = b""
    """What was read, or what makes it: only an item with a problem keeps it."""
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    data_class: str = ""
    """Its own data class; empty where it carries none."""
    mark: str = ""
    """What sets a repeated name apart, for example `#line=17`."""
    problem: Problem | None = None
    """What the reader itself found wrong."""
    kind: str = "txt"
    pages: int | None = None
    changed: float | None = None
    """These three as in Document."""
    priority: int = 0
    plain: bool = False
    """Whether markup has been taken out already."""


class Admission:
    """Turns the items of one batch into documents, in the order they come."""

    def __init__(self, job: ResolvedJob) -> None:
        self._job_class: str = job.spec.data_classification
        self._job_rank = class_rank(self._job_class)
        steps = job.spec.input.clean
        self._clean = cleaner(steps)
        # Once is enough: what is left looks like markup because the page speaks of markup.
        self._clean_plain = cleaner([step for step in steps if step != "html"])
        self._seen = SeenNames()

    def admit(self, item: Item) -> Document:
        """The item as a document, with its first problem, if it has any."""
        text = ""
        data_class = item.data_class.strip().lower() or self._job_class
        if data_class not in DATA_CLASSES:
            data_class = _UNKNOWN_CLASS
        name, is_first = self._named(item)
        problem = item.problem
        if not is_first and (problem is None or problem.reason == "missing_text"):
            problem = Problem(
                "duplicate_id",
                f"the id of {item.source!r} was used before in this batch, by the document "
                f"{item.name!r}; give each item its own",
            )
        above = class_rank(data_class) > self._job_rank
        if above:
            problem = problem or self._classified_above(item, data_class)
        if problem is None:
            text = self._clean_plain(item.text) if item.plain else self._clean(item.text)
            if is_blank(text):
                text = ""
                problem = Problem(
                    "empty_text",
                    f"{item.source!r} holds no visible text; supply it or leave it out",
                )
        raw = b""
        if problem is not None:
            raw = item.raw() if callable(item.raw) else item.raw
        return Document(
            item_id=name,
            text=text,
            raw=raw,
            source=item.source,
            # Attributes are kept unsealed, so those of an item above the job's class stay out.
            attributes={} if above else item.attributes,
            data_classification=data_class,
            problem=problem,
            kind=item.kind,
            pages=item.pages,
            changed=item.changed,
            priority=item.priority,
        )

    def _named(self, item: Item) -> tuple[str, bool]:
        """A name no item of the batch has had, and whether it is the one the item claims."""
        if self._seen.add(item.name):
            return item.name, True
        return next(name for name in _further_names(item) if self._seen.add(name)), False

    def _classified_above(self, item: Item, data_class: str) -> Problem:
        said = f"is classified {data_class!r}, above the job's {self._job_class!r}; send it to a"
        if data_class == _UNKNOWN_CLASS:
            known = ", ".join(DATA_CLASSES)
            said = f"names a data class that is none of {known}; correct it, or send it to a"
        return Problem("classified_above_job", f"{item.source!r} {said} job that may handle it")


def _further_names(item: Item) -> Iterator[str]:
    if item.mark:
        yield f"{item.name}{item.mark}"
        yield f"{item.name}#{item.source}"
    for number in count(2):
        yield f"{item.name}#{number}"
