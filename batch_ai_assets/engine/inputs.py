"""The documents of a batch, wherever they come from: files, a query, another asset.

Chooses the source and opens it. How each is read is in `engine/intake`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

from .deps import Deps, Run
from .events import log_event
from .intake.admission import Admission, Item
from .intake.document import Document
from .intake.inbox import Inbox, has_inbox
from .intake.location import resolve_location
from .intake.readers import read_documents
from .intake.row_window import rows_of_window
from .intake.sql_rows import filters_by_time, read_sql
from .intake.table_rows import asset_items, released, released_items, version_read
from .intake.window import refuse_past_snapshot
from .spec.resolved import ResolvedJob
from .tables import BatchTable


def documents(
    job: ResolvedJob, batch: str, deps: Deps, upstream: object = None, *, claim: bool = True
) -> Iterator[Document]:
    """Every document of `batch`, in a steady order.

    upstream: the value of the Dagster asset that `input.asset` names, where it is no job of ours.
    claim: whether a batch on arrival that holds no file yet takes what is waiting; else it is only
    looked at. Raises IntakeError; UnknownBatchError where there is no such batch on arrival.
    """
    refuse_past_snapshot(job, batch, datetime.now(UTC))
    if job.spec.input.kind == "path":
        location = resolve_location(job, batch, deps.home)
        if has_inbox(job):
            inbox = Inbox(job, deps.store, deps.home)
            location = location.only(inbox.sources(batch, claim=claim))
        return read_documents(job, location, batch=batch)
    return _admitted(job, _opened(_rows(job, batch, deps, upstream)))


def _rows(job: ResolvedJob, batch: str, deps: Deps, upstream: object) -> Iterator[Item]:
    if job.spec.input.sql is not None:
        rows = read_sql(job, batch, deps.open_secret)
        chosen = filters_by_time(job.spec.input.sql.query)
        return rows if chosen else rows_of_window(job, batch, rows)
    if job.upstream is not None:
        return released_items(job, batch, deps.tables)
    return rows_of_window(job, batch, asset_items(job.spec.input, upstream))


def _opened(items: Iterator[Item]) -> Iterator[Item]:
    """The same, the first one read: a source that refuses does so before anything is written."""
    first = next(items, None)
    return iter(()) if first is None else chain((first,), items)


def _admitted(job: ResolvedJob, items: Iterator[Item]) -> Iterator[Document]:
    admission = Admission(job)
    for item in items:
        yield admission.admit(item)


def is_outdated(
    job: ResolvedJob, batch: str, raw: BatchTable, run: Run, deps: Deps, *, plans_anew: bool
) -> bool:
    """Whether this manifest gives way: the job that is read has released another version since.

    It does where the next version of the batch is planned; one that was planned goes on with what
    it has. The manifest names the row that each item came from, so it knows its version. One
    without items is as good as new while the released version has none either.
    """
    if job.upstream is None:
        return False
    current = released(job.upstream, batch, deps.tables)
    read = version_read(raw)
    if current is None or read == current.version or not (read or current.rows):
        return False
    if not plans_anew:
        log_event(
            "upstream_changed",
            job=job.name, batch=batch, run_id=run.run_id, upstream=job.upstream,
        )  # fmt: skip
    return plans_anew
