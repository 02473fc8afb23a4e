"""Stepping: what a run does with a batch that may have versions already, from what the store knows.

The rule itself is pure and is `planning/versions.py`'s.
"""

from __future__ import annotations

from .deps import Deps, Mode, Run
from .planning.carried import DECIDED
from .planning.versions import Step, next_step
from .spec.resolved import ResolvedJob
from .state.rows import Plan


def mode_of(plan: Plan | None, job: ResolvedJob, run: Run) -> str:
    """A version whose planning was cut off is planned as it was begun, unless told otherwise. One
    that is planned though nothing changed carries out what people decided."""
    if plan is None or run.mode is not Mode.RESUME:
        return run.mode.value
    if plan.planned_at is None:
        return plan.mode
    return DECIDED if plan.spec_hash == job.spec_hash() else run.mode.value


def step_of(plan: Plan | None, job: ResolvedJob, run: Run, deps: Deps) -> Step:
    untouched = plan is not None and deps.store.batches.untouched(plan)
    decided = plan is not None and plan.finished_at and deps.store.decisions.open(plan)
    return next_step(
        plan, job.spec_hash(), run.mode, untouched=untouched, decided=bool(decided)
    )


def reads_the_same(plan: Plan, job: ResolvedJob) -> bool:
    """False where the job now reads or cleans its input otherwise: then it is read anew."""
    return ResolvedJob.model_validate_json(plan.spec).spec.input == job.spec.input
