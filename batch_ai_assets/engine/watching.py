"""Watching: every unfinished batch is looked at, and every window that should have had one.

Whoever watches (the sensor `watch`, `batch-ai watch`) does it as often as it likes: what was said
once is in the state store. What is to be done is decided in `engine/control/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .control.sla import AT_RISK, MISSED, Verdict
from .deadlines import settle_deadline, watch_deadline
from .deps import Deps
from .errors import BatchAIError
from .spec.resolved import ResolvedJob
from .state.batches import Unfinished


def watch(jobs: Mapping[str, ResolvedJob], deps: Deps) -> list[str]:
    """Look at everything once; what is wrong, one line for each thing. Raises StateError."""
    said: list[str] = []
    for one in deps.store.batches.unfinished():
        if (job := jobs.get(one.job)) is not None:
            said += _guarded(f"{one.job}/{one.batch}", lambda: _deadline(job, one, deps))  # noqa: B023
    _let_go(deps)
    return said


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


def _let_go(deps: Deps) -> None:
    """Resolve what was wrong with a batch that has ended meanwhile, in whatever way."""
    for kept in deps.store.alerts.open():
        alert = kept.alert
        if alert.kind in (AT_RISK, MISSED):
            state = deps.store.batches.state(alert.job, alert.batch)
            if state is None or state.finished:
                settle_deadline(alert.job, alert.batch, Verdict(), deps)
