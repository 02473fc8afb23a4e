"""Watching: every unfinished batch is looked at, and every window that should have had one.

Whoever watches (the sensor `watch`, `batch-ai watch`) does it as often as it likes: what was said
once is in the state store. What is to be done is decided in `engine/control/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from .control.missing import MISSING, expected, missing
from .control.silence import SILENT, Sign, silent
from .control.sla import AT_RISK, MISSED, Verdict
from .deadlines import settle_deadline, watch_deadline
from .deps import Deps
from .errors import BatchAIError
from .outbox import settle
from .spec.resolved import ResolvedJob
from .spec.windows import takes_what_is_there
from .state.batches import Unfinished


def watch(jobs: Mapping[str, ResolvedJob], deps: Deps) -> list[str]:
    """Look at everything once; what is wrong, one line for each thing. Raises StateError."""
    said: list[str] = []
    for one in deps.store.batches.unfinished():
        if (job := jobs.get(one.job)) is not None:
            said += _guarded(f"{one.job}/{one.batch}", partial(_deadline, job, one, deps))
    for name, job in sorted(jobs.items()):
        said += _guarded(name, partial(_windows, job, deps))
    _let_go(deps)
    return said


def settle_silence(daemons: Sequence[Sign], sensors: Sequence[Sign], deps: Deps) -> list[str]:
    """Open and resolve alerts about parts of the platform that are silent. Raises StateError."""
    found = silent(daemons, sensors, deps.store.clock())
    for alert in found.values():
        settle(alert.dedup_key, alert, "", deps)
    for kept in deps.store.alerts.open():
        if kept.alert.kind == SILENT and kept.alert.batch not in found:
            settle(kept.alert.dedup_key, None, "", deps)
    return [f"{alert.title}. {alert.message}" for alert in found.values()]


def _guarded(name: str, look: Callable[[], Iterator[str]]) -> list[str]:
    """One that cannot be looked at hides no other."""
    try:
        return list(look())
    except BatchAIError as error:
        return [f"{name} cannot be looked at: {error}"]


def _deadline(job: ResolvedJob, one: Unfinished, deps: Deps) -> Iterator[str]:
    verdict = watch_deadline(job, one, deps)
    found = verdict.missed or verdict.at_risk
    if found is not None:
        yield f"{found.title}. {found.message}"


def _windows(job: ResolvedJob, deps: Deps) -> Iterator[str]:
    """Of a job with a schedule: those that follow another job have none."""
    if not job.spec.batches.timed or job.upstream is not None:
        return
    store, name = deps.store, job.name
    windows = expected(job.spec, store.watched.since(name), store.clock())
    found = missing(name, windows, _items(name, [one.batch for one in windows], deps))
    for one in windows:
        settle(f"{MISSING}/{name}/{one.batch}", found.get(one.batch), "", deps)
    for kept in store.alerts.open():
        alert = kept.alert
        if (alert.kind, alert.job) != (MISSING, name) or alert.batch in found:
            continue
        if takes_what_is_there(job.spec) or _items(name, [alert.batch], deps).get(alert.batch):
            settle(alert.dedup_key, None, "", deps)
    yield from (f"{alert.title}. {alert.message}" for alert in found.values())


def _items(job: str, batches: list[str], deps: Deps) -> dict[str, int | None]:
    """How many documents each has of the batches that are there; None: not read yet."""
    found: dict[str, int | None] = {}
    for batch in batches:
        if deps.store.batches.state(job, batch) is not None:
            plan = deps.store.batches.latest_plan(job, batch)
            found[batch] = None if plan is None else plan.items
    return found


def _let_go(deps: Deps) -> None:
    """Resolve what was wrong with a batch that has ended meanwhile, in whatever way."""
    for kept in deps.store.alerts.open():
        alert = kept.alert
        if alert.kind in (AT_RISK, MISSED):
            state = deps.store.batches.state(alert.job, alert.batch)
            if state is None or state.finished:
                settle_deadline(alert.job, alert.batch, Verdict(), deps)
