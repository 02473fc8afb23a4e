"""Which rows belong to the batch of a window, where a column says so (`batches.window: column`).

Pure. Which span of time a batch stands for is in `window.py`; files are chosen by their place or
time, in `location.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..spec.resolved import ResolvedJob
from .admission import Item
from .document import Problem
from .window import window_of


def rows_of_window(job: ResolvedJob, batch: str, items: Iterator[Item]) -> Iterator[Item]:
    """The rows that were written in the batch's window; all of them where no column decides.

    A row that does not say when it was written belongs to every window, as a problem: it ends
    dead in the first batch that meets it, and is not forgotten. Chosen before admission, so that
    a row of another window takes no name away. Raises IntakeError.
    """
    if job.spec.batches.window != "column" or not job.spec.input.has_rows:
        return items
    window = window_of(job, batch)
    column = str(job.spec.input.updated_at)
    return (
        item if item.changed is not None else _homeless(item, column)
        for item in items
        if item.changed is None or window.holds(item.changed)
    )


def _homeless(item: Item, column: str) -> Item:
    if item.problem is not None:
        return item
    said = f"{item.source!r} has no {column!r}, so it belongs to no window; say when it was written"
    return replace(item, text="", problem=Problem("unreadable", said))
