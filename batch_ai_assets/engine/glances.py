"""A batch at a glance: how far it is, when it will be done, what it may cost, until when it should
be there. Looked up for people; nothing is decided by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from .control.progress import project
from .deps import Deps
from .state.rows import BatchRow, Plan


@dataclass(frozen=True, slots=True)
class Glance:
    """What stands beside a batch's state."""

    percent: float
    """Of its documents, those that need no further call."""
    eta_seconds: float | None = None
    """Until the last of them; None where nobody works on it, or there is no pace yet."""
    limit_usd: float | None = None
    limit_tokens: int | None = None
    deadline_at: float | None = None
    """UTC seconds since the epoch."""

    def used(self, row: BatchRow) -> float | None:
        """The share of the budget that is spent; None where there is none."""
        if self.limit_usd is not None:
            return row.cost_usd / self.limit_usd
        return None if self.limit_tokens is None else row.tokens / self.limit_tokens


def glance(row: BatchRow, deps: Deps) -> Glance:
    """Raises StateError."""
    plan = deps.store.batches.latest_plan(row.job, row.batch)
    if plan is None or plan.planned_at is None:
        return Glance(percent=0.0)
    left = 0 if plan.finished_at else deps.store.items.left_to_do(plan)
    allowed = deps.store.approvals.allowed(plan)
    budget = orjson.loads(plan.spec)["spec"]["budget"]
    return Glance(
        percent=100.0 if not plan.items else 100.0 * (plan.items - left) / plan.items,
        eta_seconds=_eta(row, plan, left, deps.store.clock()),
        limit_usd=allowed.limit_usd or budget.get("limit_usd"),
        limit_tokens=allowed.limit_tokens or budget.get("limit_tokens"),
        deadline_at=allowed.deadline_at or plan.deadline_at,
    )


def _eta(row: BatchRow, plan: Plan, left: int, now: float) -> float | None:
    """At the pace since the version was begun: pauses in between make it late rather than early."""
    if row.holder is None or plan.started_at is None or not left:
        return None
    return project(
        row.job, row.batch, row.state, done_before=row.conservation.skipped,
        done=plan.items - left, total=plan.items, dead=row.conservation.dead,
        elapsed_seconds=now - plan.started_at, tokens=row.tokens, cost_usd=row.cost_usd,
    ).eta_seconds  # fmt: skip
