"""Deadlines: what becomes of one while the batch is on its way, and when it is complete.

Looked up and carried out here; decided in `control/sla.py`. Each step is kept in the state store,
so that it is taken once for each version, whoever looks and however often.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .consumers import ARRIVED, LATE, counts, expected, expects, instant, tell
from .control.deadline import deadline_of
from .control.growth import OUTGROWS, Growth, growth, outgrows
from .control.sla import AT_RISK, MISSED, Situation, Verdict, judge
from .deps import Deps
from .errors import BatchAIError
from .events import log_event
from .outbox import settle
from .projecting import due_at, projected, will_end
from .spec.resolved import ResolvedJob
from .state.batches import Unfinished
from .state.boosts import Boost
from .state.life_cycle import State
from .state.rows import Plan
from .state.store import StateStore

_KINDS = (AT_RISK, MISSED)
_PAST = 60
"""Versions that growth is read from."""
_FASTEST_SECONDS, _SLOWEST_SECONDS = 0.5, 10.0
"""How often a run looks at its own deadline."""
_TOLD_ONCE = ""
"""No figure of these alerts is told again when it grows: they always do."""


def watch_deadline(job: ResolvedJob, one: Unfinished, deps: Deps) -> Verdict:
    """Look at an unfinished batch now, and do what its deadline asks for."""
    plan = deps.store.batches.latest_plan(one.job, one.batch)
    if plan is not None and plan.finished_at is not None:
        return Verdict()
    found = situation(job, one, plan, deps)
    if found is None or job.spec.sla is None:
        settle_deadline(one.job, one.batch, Verdict(), deps)
        return Verdict()
    verdict = judge(found, job.spec.limits, job.spec.sla.capacity)
    if verdict.missed is not None:
        _tell_late(found, 1 if plan is None else plan.version, plan, deps)
    settle_deadline(one.job, one.batch, verdict, deps)
    if plan is not None and verdict.boost is not None:
        _hurry(plan, verdict.boost, deps)
    return verdict


@contextmanager
def watched_deadline(job: ResolvedJob, plan: Plan, deps: Deps) -> Iterator[None]:
    """While a run asks it watches its own deadline: there may be no daemon whose sensor does."""
    if job.spec.sla is None or plan.deadline_at is None or plan.triggered_at is None:
        yield
        return
    allowed = plan.deadline_at - plan.triggered_at
    every = min(_SLOWEST_SECONDS, max(_FASTEST_SECONDS, allowed / 50))
    over = threading.Event()
    watcher = threading.Thread(target=_keep_watch, args=(job, plan, deps, every, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _keep_watch(
    job: ResolvedJob, plan: Plan, deps: Deps, every: float, over: threading.Event
) -> None:
    """A store or storage that is away is the run's to report."""
    while True:
        with suppress(BatchAIError):
            for one in deps.store.batches.unfinished():
                if (one.job, one.batch) == (job.name, plan.batch):
                    watch_deadline(job, one, deps)
        if over.wait(every):
            return


def situation(
    job: ResolvedJob, one: Unfinished, plan: Plan | None, deps: Deps
) -> Situation | None:
    """How an unfinished batch stands to its deadline; None where it has none. One that was not
    planned yet has the deadline that it will be planned with."""
    triggered = one.created_at if plan is None else plan.triggered_at
    if triggered is None:
        return None
    deadline = deadline_of(job.spec.sla, triggered) if plan is None else due_at(plan, deps.store)
    if deadline is None:
        return None
    found = None if plan is None else projected(job, plan, deps)
    open_ = _open(one.job, one.batch, deps)
    reason = f": {one.reason.replace('_', ' ')}" if one.reason else ""
    return Situation(
        job=one.job,
        batch=one.batch,
        state=one.state.value.replace("_", " ") + reason,
        triggered_at=triggered,
        deadline_at=deadline,
        now=deps.store.clock(),
        projection=found,
        ends=None if plan is None else will_end(job, plan, found, one.state, deps),
        warned=AT_RISK in open_,
        escalated=open_.get(AT_RISK) == "error",
    )


def settle_deadline(job: str, batch: str, verdict: Verdict, deps: Deps) -> None:
    """Open, escalate or resolve the alerts about the deadline of a batch."""
    for kind, now in zip(_KINDS, (verdict.at_risk, verdict.missed), strict=True):
        settle(f"{kind}/{job}/{batch}", now, _TOLD_ONCE, deps)


def deadline_is_met(job: ResolvedJob, plan: Plan, deps: Deps) -> None:
    """The version is complete: nothing about its deadline is wrong any more, who was told that it
    comes late is told that it is there, and the job's growth is looked at."""
    due = due_at(plan, deps.store)
    late = 0.0 if due is None else max(0.0, deps.store.clock() - due)
    if late:  # where nobody looked since the deadline, it is said all the same
        here = Unfinished(job.name, plan.batch, State.RUNNING, "", 0.0, 0.0)
        watch_deadline(job, here, deps)
    settle_deadline(job.name, plan.batch, Verdict(), deps)
    found = outgrows(job.name, growth_of(job, deps.store))
    settle(f"{OUTGROWS}/{job.name}/", found, _TOLD_ONCE, deps)
    if expects(job.name, plan.batch, plan.version, deps):
        facts = {"counts": counts(plan, deps), "delay_seconds": round(late, 1)}
        tell(job.name, plan.batch, plan.version, ARRIVED, facts, deps)


def growth_of(job: ResolvedJob, store: StateStore) -> Growth | None:
    """How the batches of a job grow; later versions ask less, and say nothing of it."""
    past = [one for one in store.past.of(job.name, _PAST) if one.version == 1]
    return growth(job.spec, past)


def _open(job: str, batch: str, deps: Deps) -> dict[str, str]:
    """Kind → severity of the alerts about its deadline that are open."""
    return {
        kept.alert.kind: kept.alert.severity
        for kept in deps.store.alerts.open()
        if (kept.alert.job, kept.alert.batch) == (job, batch) and kept.alert.kind in _KINDS
    }


def _tell_late(found: Situation, version: int, plan: Plan | None, deps: Deps) -> None:
    facts = {
        "state": found.state,
        "deadline_at": instant(found.deadline_at),
        **expected(found.ends, found.deadline_at),
        "counts": counts(plan, deps),
    }
    tell(found.job, found.batch, version, LATE, facts, deps)


def _hurry(plan: Plan, boost: Boost, deps: Deps) -> None:
    if deps.store.boosts.raise_to(plan, boost):
        log_event(
            "batch_hurried", job=plan.job, batch=plan.batch, version=plan.version,
            concurrency=boost.concurrency, urgent=boost.urgent,
        )  # fmt: skip
