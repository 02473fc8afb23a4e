"""Offers: runs that a sensor asks for, until what they are for is done.

For sensors that look at the state store for revisions: of dead letters, of decisions. What a
revision is, and when it is done, is each sensor's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

MAX_OFFERS = 3
"""Runs asked for at most so often per revision; a failing one does not run for ever."""
_AT_WORK = ("planned", "running", "waiting")
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """A run that was asked for: for which revision, and for the how-many-th time."""

    revision: float
    number: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Which batches to run now, and what to remember for the next tick."""

    now: Mapping[str, Offer]
    remember: Mapping[str, Offer] = field(default_factory=dict)
    exhausted: tuple[str, ...] = ()
    """Batches that were asked for as often as may be, and are still not done."""


def decide(
    revisions: Mapping[str, float],
    done: Mapping[str, float],
    at_work: frozenset[str],
    offered: Mapping[str, Offer],
) -> Decision:
    """Run batches whose revision is newer than what was done last, and that nobody works on.

    `revisions` and `done` are by batch; one for which nothing was done yet is not in `done`. An
    offer is repeated until it is done, `MAX_OFFERS` times; the number goes into the run key,
    because Dagster remembers a run key for ever, failed runs included.
    """
    now: dict[str, Offer] = {}
    remember: dict[str, Offer] = {}
    exhausted: list[str] = []
    for batch, revision in sorted(revisions.items()):
        if revision <= done.get(batch, float("-inf")):
            continue
        before = offered.get(batch)
        number = before.number if before and before.revision == revision else 0
        if batch in at_work or number >= MAX_OFFERS:
            if number:
                remember[batch] = Offer(revision, number)
            if batch not in at_work:
                exhausted.append(batch)
            continue
        now[batch] = remember[batch] = Offer(revision, number + 1)
    return Decision(now, remember, tuple(exhausted))


def is_at_work(deps: Deps, job: str, batch: str) -> bool:
    """Whether a run works on the batch, or will."""
    state = deps.store.batches.state(job, batch)
    return state in _AT_WORK or deps.store.leases.holder(job, batch) is not None


def is_under_way(instance: dg.DagsterInstance, run_key: str) -> bool:
    """Whether the run that was asked for under this key is still to start, or at work: Dagster's
    queue may hold it for long, and nobody needs a second one meanwhile."""
    if not run_key:
        return False
    asked_for = dg.RunsFilter(tags={"dagster/run_key": run_key}, statuses=_UNDER_WAY)
    return bool(instance.get_runs(asked_for, limit=1))


def is_batch_under_way(instance: dg.DagsterInstance, job: str, batch: str) -> bool:
    """Whether a run of the batch waits for its turn or is at work, whoever asked for it."""
    runs = dg.RunsFilter(job_name=job, tags={"dagster/partition": batch}, statuses=_UNDER_WAY)
    return bool(instance.get_runs(runs, limit=1))


def read_cursor(cursor: str | None) -> dict[str, dict[str, Offer]]:
    if not cursor:
        return {}
    return {
        job: {batch: Offer(float(pair[0]), int(pair[1])) for batch, pair in rows.items()}
        for job, rows in json.loads(cursor).items()
    }


def write_cursor(offers: Mapping[str, Mapping[str, Offer]]) -> str:
    return json.dumps(
        {
            job: {batch: [offer.revision, offer.number] for batch, offer in rows.items()}
            for job, rows in offers.items()
            if rows
        },
        sort_keys=True,
    )
