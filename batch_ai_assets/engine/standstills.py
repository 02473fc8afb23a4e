"""Batches that have no end yet and that nobody works on, with what may let each go on.

Looked up here; what goes on is decided in `control/resuming.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .control.resuming import Standstill
from .deps import Deps
from .projecting import hours_begin
from .spec.resolved import ResolvedJob
from .state.batches import Unfinished
from .state.outages import outage_key


def standstills(jobs: Mapping[str, ResolvedJob], deps: Deps) -> dict[tuple[str, str], Standstill]:
    """(job, batch) → how it stands. Batches of jobs that are not in `jobs` are left out."""
    store = deps.store
    return {
        (one.job, one.batch): _standstill(jobs[one.job], one, deps)
        for one in store.batches.unfinished()
        if one.job in jobs and store.leases.holder(one.job, one.batch) is None
    }


def _standstill(job: ResolvedJob, one: Unfinished, deps: Deps) -> Standstill:
    store = deps.store
    plan = store.batches.latest_plan(one.job, one.batch)
    order = store.orders.standing(one.job, one.batch)
    outage = None if plan is None else store.outages.of(outage_key(plan))
    return Standstill(
        state=one.state,
        reason=one.reason,
        since=one.updated_at,
        seen_alive_at=store.leases.seen_alive(one.job, one.batch),
        done=0 if plan is None else plan.items - store.conservation(plan).pending,
        deaths=0 if plan is None else store.deaths.in_a_row(plan, order.at if order else 0.0),
        order=order,
        approved_at=None if plan is None else store.approvals.allowed(plan).more_at,
        window_open=plan is None or hours_begin(job, plan, deps) is None,
        provider_away=outage is not None and outage.lasts,
    )
