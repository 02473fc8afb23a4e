"""A batch at a glance: how far it is, when it will be done, what it may cost, until when it should
be there. Looked up for people; nothing is decided by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .control.budget import version_limits
from .deps import Deps
from .projecting import due_at, projected, will_end
from .spec.resolved import ResolvedJob
from .state.life_cycle import State
from .state.rows import BatchRow, Plan


@dataclass(frozen=True, slots=True)
class Glance:
    """What stands beside a batch's state."""

    percent: float
    """Of its documents, those that need no further call."""
    eta_seconds: float | None = None
    """Until it is likely done, as alerts and metrics say; None where nobody can tell."""
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
    frozen = ResolvedJob.model_validate_json(plan.spec)
    allowed = deps.store.approvals.allowed(plan)
    limit_usd, limit_tokens = version_limits(frozen.spec.budget, allowed)
    return Glance(
        percent=100.0 if not plan.items else 100.0 * (plan.items - left) / plan.items,
        eta_seconds=_eta(frozen, plan, State(row.state), deps) if left else None,
        limit_usd=limit_usd,
        limit_tokens=limit_tokens,
        deadline_at=due_at(plan, deps.store),
    )


def _eta(job: ResolvedJob, plan: Plan, state: State, deps: Deps) -> float | None:
    found = will_end(job, plan, projected(job, plan, deps), state, deps)
    return None if found is None else max(0.0, found.likely - deps.store.clock())
