"""Outages of providers, as they concern batches: told to people and consumers, probed, ended.

Rows are `state/outages.py`'s, the question to the provider is `inference/probe.py`'s, and what a
run at work makes of an outage is decided in `control/steering.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from .consumers import AWAY, counts, instant, tell
from .control.trouble import provider_away
from .deps import Deps
from .errors import StorageError
from .inference.probe import answers
from .outbox import settle
from .projecting import due_at
from .spec.resolved import ResolvedJob
from .state.life_cycle import State
from .state.outages import PROBE_SECONDS, Outage, outage_key
from .state.rows import Plan

PROBES_AT_ONCE = 5
"""Each may take seconds, and a sensor's tick has a minute."""
_TRIAL_SECONDS = 600.0
"""Nobody asks a provider that answers probes: then it is believed."""


def opened(job: ResolvedJob, plan: Plan, said: str, deps: Deps) -> None:
    """A run of the batch found its provider away."""
    deps.store.outages.open(outage_key(plan), said)
    settle_provider_away(job, plan, deps)


def settle_provider_away(job: ResolvedJob, plan: Plan, deps: Deps) -> None:
    """Open, escalate or resolve what is said of one batch and its provider."""
    store, now = deps.store, deps.store.clock()
    outage = store.outages.of(outage_key(plan))
    waits = _waits(plan, deps)
    key = f"provider_away/{plan.job}/{plan.batch}"
    if outage is None or not waits or not (outage.lasts or outage.on_trial):
        settle(key, None, "", deps)
        return
    safe = job.spec.retry.safe_seconds
    deadline = due_at(plan, store)
    alert = provider_away(plan, outage, safe_seconds=safe, deadline_at=deadline, now=now)
    settle(key, alert, "", deps)
    if alert.severity == "error":
        facts = {
            "provider": outage.provider,
            "away_since": instant(outage.since),
            "deadline_at": None if deadline is None else instant(deadline),
            "counts": counts(plan, deps),
        }
        with suppress(StorageError):  # told at the next look
            tell(plan.job, plan.batch, plan.version, AWAY, facts, deps)


def _waits(plan: Plan, deps: Deps) -> bool:
    """Whether the batch is without its end, and not stopped for another reason."""
    state = deps.store.batches.state(plan.job, plan.batch)
    return plan.finished_at is None and state in (State.PAUSED, State.RUNNING)


def look_after_outages(jobs: Mapping[str, ResolvedJob], deps: Deps) -> None:
    """Probe providers that are away, where it is time, and keep the alerts true."""
    outages = deps.store.outages
    unsettled = {one.provider: one for one in outages.unsettled()}
    if not unsettled and not _told(deps):
        return
    waiting = list(_waiting(jobs, deps))
    for provider, job in _due(unsettled, waiting, deps.store.clock()):
        if answers(job, deps):
            outages.passed(provider)
        else:
            outages.put_off(provider)
    asked = {outage_key(plan) for _, plan in waiting}
    for provider, one in unsettled.items():
        over = one.over_at is not None and deps.store.clock() - one.over_at > _TRIAL_SECONDS
        if over or (provider not in asked and not _is_young(one, deps.store.clock())):
            outages.passed(provider)
            outages.answered(provider)
    for job, plan in waiting:
        settle_provider_away(job, plan, deps)
    unfinished = {(plan.job, plan.batch) for _, plan in waiting}
    for name, batch in _told(deps) - unfinished:
        settle(f"provider_away/{name}/{batch}", None, "", deps)


def _is_young(one: Outage, now: float) -> bool:
    """A run records its outage a moment before its batch's pause."""
    return now - one.next_probe_at < PROBE_SECONDS


def _waiting(
    jobs: Mapping[str, ResolvedJob], deps: Deps
) -> Iterator[tuple[ResolvedJob, Plan]]:
    """Batches without an end that a provider may keep waiting."""
    for one in deps.store.batches.unfinished():
        if one.job in jobs and one.state in (State.PAUSED, State.RUNNING):
            plan = deps.store.batches.latest_plan(one.job, one.batch)
            if plan is not None and plan.planned_at is not None:
                yield jobs[one.job], plan


def _due(
    unsettled: Mapping[str, Outage], waiting: list[tuple[ResolvedJob, Plan]], now: float
) -> list[tuple[str, ResolvedJob]]:
    """Providers to probe now, each by one of the jobs that wait for it."""
    by_provider = {outage_key(plan): job for job, plan in waiting}
    due = [one for one in unsettled.values() if one.lasts and now >= one.next_probe_at]
    due.sort(key=lambda one: one.next_probe_at)
    asked = [one.provider for one in due if one.provider in by_provider]
    return [(provider, by_provider[provider]) for provider in asked[:PROBES_AT_ONCE]]


def _told(deps: Deps) -> set[tuple[str, str]]:
    """Batches of which people were told that they wait."""
    return {
        (kept.alert.job, kept.alert.batch)
        for kept in deps.store.alerts.open()
        if kept.alert.kind == "provider_away"
    }
