"""Batches as Dagster partitions: which definition a cadence gets, and which key a run takes.

A partition is a batch of thousands to millions of items, never an item. Which items a batch
holds is decided in `engine/intake`, not here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec import BatchKey, JobSpec

_BATCH_KEY: TypeAdapter[str] = TypeAdapter(BatchKey)


def batch_partitions(job: JobSpec) -> dg.PartitionsDefinition[str]:
    """Days for a daily job; for a manual one, keys that are added as batches are named."""
    if job.batches.cadence == "daily":
        return dg.DailyPartitionsDefinition(
            start_date=job.batches.start.isoformat(), timezone=job.batches.timezone
        )
    return dg.DynamicPartitionsDefinition(name=job.job)


def checked_batch_key(job: JobSpec, batch: str, now: datetime) -> str:
    """The key, if the job can have such a batch. Dagster itself would take `a/b` as a key.

    Raises SpecError.
    """
    try:
        _BATCH_KEY.validate_python(batch)
    except ValidationError as error:
        raise SpecError(
            f"{batch!r} is not a batch key: write lower-case letters, digits and hyphens, at most"
            " 63 of them, a letter or digit first (for example 2026-11-22 or re-run-3)"
        ) from error
    if job.batches.cadence == "daily":
        _check_day(job, batch, now)
    return batch


def default_batch_key(job: JobSpec, now: datetime) -> str:
    """The key a run takes when none is named: the last closed day, or a new named batch."""
    if job.batches.cadence == "daily":
        return _last_closed_day(job, now)
    return f"run-{now.astimezone(ZoneInfo('UTC')):%Y%m%dt%H%M%Sz}".lower()


def _last_closed_day(job: JobSpec, now: datetime) -> str:
    here = now.astimezone(ZoneInfo(job.batches.timezone))
    return (here.date() - timedelta(days=1)).isoformat()


def _check_day(job: JobSpec, batch: str, now: datetime) -> None:
    first, last = job.batches.start.isoformat(), _last_closed_day(job, now)
    try:
        day = datetime.strptime(batch, "%Y-%m-%d").date().isoformat()
    except ValueError as error:
        raise SpecError(
            f"{job.job} has daily batches: name a day as YYYY-MM-DD, not {batch!r}"
        ) from error
    if not first <= day <= last:
        raise SpecError(
            f"{job.job} has batches from {first} (batches.start) to {last} (the last day that is"
            f" over); {batch} is not one of them"
        )
