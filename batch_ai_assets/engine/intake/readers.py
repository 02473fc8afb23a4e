"""Reading a batch's documents: the one way in, whatever their format.

A new format is a generator of Items, added here. What is wrong with an item is said by
`admission.py`, so that all formats judge alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ..spec.resolved import ResolvedJob
from .access import FileAccess, access_to
from .admission import Admission, Item
from .document import Document
from .location import InputLocation
from .retry import Retry
from .row_window import rows_of_window


def read_documents(
    job: ResolvedJob,
    location: InputLocation,
    access: FileAccess | None = None,
    sleep: Callable[[float], None] = time.sleep,
    batch: str | None = None,
) -> Iterator[Document]:
    """Every item at `location`, in a steady order: files by posix path, lines as they stand.

    Streams: in memory are one item, the names in the folders on the way down to it, and about 20
    bytes per item to know names again. Nothing is dropped: an item that cannot be used comes as a
    Document with a Problem. Reading twice gives the same documents with the same names.

    access: in place of the file system that the location names. sleep: waits between attempts,
    seconds. batch: where a column says which window a row belongs to, the batch whose rows are
    wanted. Raises IntakeError where the source itself fails; what came until then must not be
    taken for the batch.
    """
    admission = Admission(job)
    items = _items(job, location, access or access_to(location.root), Retry(sleep))
    for item in items if batch is None else rows_of_window(job, batch, items):
        yield admission.admit(item)


def _items(
    job: ResolvedJob, location: InputLocation, access: FileAccess, retry: Retry
) -> Iterator[Item]:
    """A job has one format: what it takes to read the others is not loaded."""
    match job.spec.input.format:
        case "csv":
            from .csv_rows import read_csv

            return read_csv(job.spec.input, location, access, retry)
        case "jsonl":
            from .jsonl import read_jsonl

            return read_jsonl(job.spec.input, location, access, retry)
        case "parquet":
            from .parquet_rows import read_parquet

            return read_parquet(job.spec.input, location, access, retry)
        case "text":
            from .text_folder import read_text

            return read_text(job.spec.input, location, access, retry)
