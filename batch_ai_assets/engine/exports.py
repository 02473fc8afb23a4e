"""What waits for people, as tables: dead letters with their story, items for review.

Payloads leave sealed, exactly as they lie in the store. Exporting changes nothing, so it needs
no lease: the run does it at its end, the sensor when dead letters change.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .deps import Deps, Run
from .errors import OrderError, StorageError
from .figures import End
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.rows import DeadLetterRow, Plan
from .tables import BatchTable, RowReader
from .validation.columns import arrow_schema
from .validation.table_columns import DEAD_LETTERS, review_columns

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 500


def export_dead_letters(job: ResolvedJob, batch: str, run: Run, deps: Deps) -> BatchTable:
    """`dead_letter_queue` of the batch: every item of the newest version that ended dead."""
    rows = deps.store.dead_letters(job.name, batch)
    plan = deps.store.batches.latest_plan(job.name, batch)
    latest = _exported(job.name, "dead_letter_queue", batch, deps)
    if latest and letters_are_in(latest, plan, rows):
        return latest
    return deps.tables.write(
        job.name, "dead_letter_queue", batch, run.run_id, dead_letter_schema(),
        dead_letter_rows(rows),
    )  # fmt: skip


def _exported(job: str, asset: str, batch: str, deps: Deps) -> BatchTable | None:
    """The export that is there. One that cannot be read is made anew from the store."""
    try:
        return deps.tables.latest(job, asset, batch)
    except StorageError:
        return None


def letters_are_in(latest: BatchTable, plan: Plan | None, rows: list[DeadLetterRow]) -> bool:
    """True where the export that is there was made after the last change."""
    changed = max((row.last_at for row in rows), default=0.0)
    planned = plan.planned_at or 0.0 if plan else 0.0
    return latest.written_at > max(changed, planned) and latest.rows == len(rows)


def dead_letter_rows(rows: list[DeadLetterRow]) -> Iterator[pa.RecordBatch]:
    """`dead_letter_queue` rows of these letters."""
    import pyarrow as pa

    schema = dead_letter_schema()
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        columns: dict[str, list[object]] = {
            "job": [row.job for row in chunk],
            "batch": [row.batch for row in chunk],
            "version": [row.version for row in chunk],
            "item_id": [row.item_id for row in chunk],
            "reason": [row.reason for row in chunk],
            "message": [row.message for row in chunk],
            "attempts": [row.attempts for row in chunk],
            "status": [row.status for row in chunk],
            "first_at": [datetime.fromtimestamp(row.first_at, UTC) for row in chunk],
            "last_at": [datetime.fromtimestamp(row.last_at, UTC) for row in chunk],
            "request_hash": [row.request_hash.hex() for row in chunk],
            "sealed_payload": [row.sealed_payload for row in chunk],
            "sealed_answer": [row.sealed_answer for row in chunk],
        }
        yield pa.record_batch(
            [pa.array(columns[field.name], field.type) for field in schema], schema=schema
        )


def dead_letter_schema() -> pa.Schema:
    """Columns of `dead_letter_queue`."""
    return arrow_schema(DEAD_LETTERS)


def export_reviews(job: ResolvedJob, batch: str, run: Run, deps: Deps) -> BatchTable:
    """`review_queue` of the batch: answered items that wait for a person, document sealed."""
    plan = deps.store.batches.latest_plan(job.name, batch)
    if plan is None or plan.enriched_path is None:
        raise OrderError(
            f"Batch {job.name}/{batch} has no answers yet, so there is nothing to review. "
            "Run the whole job."
        )
    latest = _exported(job.name, "review_queue", batch, deps)
    if latest and reviews_are_in(latest, plan, deps):
        return latest
    frozen = frozen_job(plan, job)
    return deps.tables.write(
        job.name, "review_queue", batch, run.run_id, review_schema(frozen),
        review_rows(frozen, plan, deps),
    )  # fmt: skip


def reviews_are_in(latest: BatchTable, plan: Plan, deps: Deps) -> bool:
    """True where the export that is there was made after the last verdict."""
    if plan.finished_at is None or plan.results_path is None:
        return False
    return latest.written_at > deps.tables.open(plan.results_path).written_at


def review_schema(job: ResolvedJob) -> pa.Schema:
    """A result row, why it waits, and its sealed document."""
    return arrow_schema(review_columns(job))


def review_rows(job: ResolvedJob, plan: Plan, deps: Deps) -> Iterator[pa.RecordBatch]:
    """`review_queue` rows: what waits by the verdicts of `plan`."""
    import pyarrow as pa

    schema = review_schema(job)
    answers = RowReader(deps.tables.open(str(plan.enriched_path)), None)
    payloads = RowReader(deps.tables.open(plan.raw_path), ["sealed"])
    position = _positions(deps, plan)
    for items in deps.store.items.ends(plan):
        waiting = [item for item in items if item.end == End.REVIEW]
        if not waiting:
            continue
        seqs = [item.seq for item in waiting]
        rows = answers.take([position[seq] for seq in seqs])
        columns = {name: rows[name].combine_chunks() for name in rows.column_names}
        columns["reason"] = pa.array([item.reason for item in waiting], pa.string())
        columns["sealed_payload"] = payloads.take(seqs)["sealed"].combine_chunks()
        yield pa.record_batch([columns[field.name] for field in schema], schema=schema)


def _positions(deps: Deps, plan: Plan) -> dict[int, int]:
    """seq → row number in `enriched_outputs`, for the items that wait."""
    waiting = {
        item.seq
        for items in deps.store.items.ends(plan)
        for item in items
        if item.end == End.REVIEW
    }
    found: dict[int, int] = {}
    row = 0
    for rows in deps.tables.open(str(plan.enriched_path)).scan(["seq"]):
        for seq in rows["seq"].to_pylist():
            if seq in waiting:
                found[seq] = row
            row += 1
    return found
