"""History: what the checks of a job's earlier batches found, and which deadlines were kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from .projecting import due_at
from .reporting.trends import Checked
from .state.rows import Plan
from .state.store import StateStore
from .validation.check_result import CheckResult
from .validation.sla_check import LAST as DEADLINES

LAST = 10
"""Batches that a trend, or a comparison with earlier ones, looks back."""
_VERSIONS = 4
"""A batch may have several; so many records are read for each batch that is wanted."""


def checked_batches(
    job: str, store: StateStore, last: int = LAST, *, before: str | None = None
) -> list[Checked]:
    """The last batches that completed, oldest first, each with its newest version's checks;
    `before`: only those that ended before that batch first did."""
    newest: dict[str, Checked] = {}
    for text in store.batches.newest_records(job, last * _VERSIONS, before=before):
        record: dict[str, Any] = orjson.loads(text)
        newest.setdefault(
            record["batch"],
            Checked(record["batch"], tuple(CheckResult(**one) for one in record["checks"])),
        )
    return list(reversed(list(newest.values())[:last]))


def earlier_figures(
    job: str, batch: str, check: str, store: StateStore
) -> list[Mapping[str, float]]:
    """What this check counted in the batches before `batch`, oldest first."""
    return [
        one.figures
        for earlier in checked_batches(job, store, before=batch)
        for one in earlier.checks
        if one.name == check
    ]


def deadlines_kept(plan: Plan, store: StateStore) -> list[bool | None]:
    """Whether the last versions of the job were in time, oldest first; this one, as of now, last.

    None where one has no deadline.
    """
    past = store.past.of(plan.job, DEADLINES)
    due = due_at(plan, store)
    kept = None if due is None else (plan.finished_at or store.clock()) <= due
    return [*(one.in_time for one in past if one.plan_id != plan.plan_id), kept]
