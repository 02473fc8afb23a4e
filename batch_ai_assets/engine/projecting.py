"""Projecting: how far a version is, when it will be done, and whether it waits for its hours.

Looked up here, from samples in the state store and from earlier batches; worked out in
`control/projection.py` and `control/hours.py`.
"""

from __future__ import annotations

from math import isfinite
from statistics import median

import orjson

from .control.hours import done_at, is_open, waits_until
from .control.projection import Projection, Span, projection
from .deps import Deps
from .spec.resolved import ResolvedJob
from .state.life_cycle import State
from .state.rows import Plan
from .state.store import StateStore

_EARLIER = 5
"""Batches that a pace is learned from where this one has none yet."""
_BEFORE_END = 2.0
"""A run looks every second, and its last call must leave before its hours are over."""
_FAR = 30 * 86_400.0


def projected(job: ResolvedJob, plan: Plan, deps: Deps) -> Projection | None:
    """How the version goes; None where none of its runs has asked yet."""
    return projection(deps.store.paces.of(plan), job.spec.retry)


def due_at(plan: Plan, store: StateStore) -> float | None:
    """The deadline of the version, with what an approval has made of it."""
    allowed = store.approvals.allowed(plan).deadline_at
    return plan.deadline_at if allowed is None else allowed


def hours_begin(job: ResolvedJob, plan: Plan, deps: Deps) -> float | None:
    """When the off-peak hours begin that the version waits for; None where it may ask now."""
    batches, now = job.spec.batches, deps.store.clock()
    if batches.off_peak is None:
        return None
    if is_open(batches.off_peak, batches.timezone, now):
        now += _BEFORE_END
        if is_open(batches.off_peak, batches.timezone, now):
            return None
    if not deps.store.items.left_to_do(plan):
        return None
    work = _work(job, plan, projected(job, plan, deps), deps)
    return waits_until(
        batches,
        urgent=job.spec.priority == "urgent",
        now=now,
        deadline_at=due_at(plan, deps.store),
        seconds=None if work is None else work.high,
    )


def will_end(
    job: ResolvedJob, plan: Plan, found: Projection | None, state: State, deps: Deps
) -> Span | None:
    """When it will be done; None where nobody can tell, or where it stands still."""
    now = deps.store.clock()
    if state is State.WAITING:
        return _end_in_hours(job, plan, found, now, deps)
    if state not in (State.PLANNED, State.RUNNING):
        return None
    if deps.store.leases.holder(job.name, plan.batch) is None:
        return None
    if found is not None and found.work is not None:
        return found.ends(now, at_work=True)
    work = _work(job, plan, found, deps)
    return None if work is None else Span(now + work.low, now + work.likely, now + work.high)


def _end_in_hours(
    job: ResolvedJob, plan: Plan, found: Projection | None, now: float, deps: Deps
) -> Span | None:
    work, batches = _work(job, plan, found, deps), job.spec.batches
    if work is None or batches.off_peak is None:
        return None
    ends = [
        done_at(batches.off_peak, batches.timezone, now, seconds, now + _FAR)
        for seconds in (work.low, work.likely, work.high)
    ]
    return Span(*ends) if all(map(isfinite, ends)) else None


def _work(
    job: ResolvedJob, plan: Plan, found: Projection | None, deps: Deps
) -> Span | None:
    """Seconds of work that are left: by its own pace, else by that of earlier batches."""
    if found is not None and found.work is not None:
        return found.work
    records = map(orjson.loads, deps.store.batches.newest_records(job.name, _EARLIER))
    paces = [pace for one in records if (pace := one["items_per_second"]) > 0]
    if not paces:
        return None
    left = deps.store.items.left_to_do(plan)
    return Span(left / max(paces), left / median(paces), left / min(paces))
