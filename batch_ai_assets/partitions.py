"""Batches as Dagster partitions: which definition a cadence gets, and which key a run takes.

A partition is a batch of thousands to millions of items, never an item. Which span of time a key
stands for is in `engine/spec/windows.py`, which items a batch holds in `engine/intake`.
"""

from __future__ import annotations

from datetime import UTC, datetime, time

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec import BatchKey, JobSpec
from batch_ai_assets.engine.spec.batches import BatchesSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.spec.windows import (
    KEY_FORMATS,
    WEEKDAYS,
    first_key,
    key_example,
    key_of,
    next_due,
    window_named,
    windows_before,
)

_BATCH_KEY: TypeAdapter[str] = TypeAdapter(BatchKey)


def batch_partitions(job: ResolvedJob) -> dg.PartitionsDefinition[str]:
    """Windows of time for a timed job; for all others, keys that are added as batches are named.

    A job that follows another one has that job's partitions, by the same name.
    """
    batches = job.spec.batches
    if not batches.timed:
        return dg.DynamicPartitionsDefinition(name=job.partitions)
    start = datetime.combine(batches.start, time.min)
    form, zone = KEY_FORMATS[batches.cadence], batches.timezone
    if batches.cadence == "hourly":
        return dg.HourlyPartitionsDefinition(start_date=start, timezone="UTC", fmt=form)
    if batches.cadence == "daily":
        return dg.DailyPartitionsDefinition(start_date=start, timezone=zone, fmt=form)
    if batches.cadence == "weekly":
        sunday_is_0 = (WEEKDAYS.index(batches.weekday) + 1) % 7
        return dg.WeeklyPartitionsDefinition(
            start_date=start, timezone=zone, fmt=form, day_offset=sunday_is_0
        )
    # A month that is closed before its last midnight must be there while it still runs.
    ahead = 0 if isinstance(batches.day, int) else 1
    return dg.MonthlyPartitionsDefinition(
        start_date=start, timezone=zone, fmt=form, end_offset=ahead
    )


def checked_batch_key(job: JobSpec, batch: str, now: datetime, *, ahead: bool = False) -> str:
    """The key, if the job can have such a batch. Dagster itself would take `a/b` as a key.

    ahead: the batch that is due next counts, though its window may still be open. Raises SpecError.
    """
    try:
        _BATCH_KEY.validate_python(batch)
    except ValidationError as error:
        raise SpecError(
            f"{batch!r} is not a batch key: write lower-case letters, digits and hyphens, at most"
            " 63 of them, a letter or digit first (for example 2026-11-22 or re-run-3)"
        ) from error
    if job.batches.timed and not (ahead and batch == next_batch_key(job, now)):
        _check_window(job, batch, now)
    return batch


def next_batch_key(job: JobSpec, now: datetime) -> str:
    """The key of a timed job's batch that its schedule starts next."""
    return key_of(job.batches, next_due(job.batches, now))


def default_batch_key(job: JobSpec, now: datetime) -> str:
    """The key a run takes when none is named: the last window that is over, or a new named batch.

    Raises SpecError where no window of the job is over yet.
    """
    if not job.batches.timed:
        return f"run-{now.astimezone(UTC):%Y%m%dt%H%M%Sz}".lower()
    newest = _newest_key(job.batches, now)
    if newest is None:
        raise SpecError(_none_is_over(job))
    return newest


def _newest_key(batches: BatchesSpec, now: datetime) -> str | None:
    newest = next(windows_before(batches, now), None)
    return None if newest is None else key_of(batches, newest)


def _check_window(job: JobSpec, batch: str, now: datetime) -> None:
    batches = job.batches
    window = window_named(batches, batch)
    if window is None:
        raise SpecError(
            f"{job.job} has {batches.cadence} batches: {key_example(batches)}, not {batch!r}"
        )
    newest = _newest_key(batches, now)
    if newest is None:
        raise SpecError(_none_is_over(job))
    if not first_key(batches) <= batch <= newest:
        over = f"; it is over on {window.until:%Y-%m-%d at %H:%M} UTC" if batch > newest else ""
        raise SpecError(
            f"{job.job} has batches from {first_key(batches)} (batches.start) to {newest} (the"
            f" last one that is over); {batch} is not one of them{over}"
        )


def _none_is_over(job: JobSpec) -> str:
    window = window_named(job.batches, first_key(job.batches))
    until = f" on {window.until:%Y-%m-%d at %H:%M} UTC" if window else ""
    return (
        f"{job.job} has no batch yet: its first, {first_key(job.batches)} (batches.start), is over"
        f"{until}. Wait until then, or set an earlier batches.start"
    )
