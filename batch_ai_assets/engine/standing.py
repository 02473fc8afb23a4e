"""Whether a batch may begin, or go on, to ask: looked up once, before the first call of a run.

What is asked of a run at work, every second, is `inference/steered.py`'s.
"""

from __future__ import annotations

from dataclasses import replace

from .affordability import prove_affordable
from .control.steering import Told, must_stop
from .deps import Deps
from .errors import BatchCancelled
from .inference.probe import answers
from .inference.steered import told
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.rows import Plan


def prove_may_ask(job: ResolvedJob, plan: Plan, deps: Deps) -> None:
    """Raises BatchPaused, BatchCancelled or BatchHalted where no call may be made."""
    said = told(job, plan, deps)
    if may_try(said, deps.store.clock()) and answers(frozen_job(plan, job), deps):
        assert said.outage is not None
        deps.store.outages.passed(said.outage.provider)
        said = replace(said, outage=None)
    if why := must_stop(job.name, plan.batch, said):
        raise why
    prove_affordable(job, plan, deps)


def prove_not_cancelled(job: ResolvedJob, batch: str, deps: Deps) -> None:
    """Raises BatchCancelled where a person gave the batch up: nothing is planned, judged or
    released any more."""
    order = deps.store.orders.standing(job.name, batch)
    stop = must_stop(job.name, batch, Told(order=order))
    if isinstance(stop, BatchCancelled):
        raise stop


def may_try(said: Told, now: float) -> bool:
    """Whether a run may ask a provider that was away if it is back: there may be no daemon whose
    sensor does. Not so soon, where it came back before and answered no document."""
    outage = said.outage
    if outage is None or not outage.lasts:
        return False
    return outage.relapses == 0 or now >= outage.next_probe_at
