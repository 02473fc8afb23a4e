"""The caps of a month, of jobs and of providers: which there are, and who is told when one nears.

The caps themselves stand in the files of the registry and hold in `control/budget.py`; what was
spent of them is in the accounts of the state store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .alert import Alert
from .control.alerts import month_cap
from .control.month_end import Cap
from .deps import Deps
from .outbox import settle
from .spec.resolved import ResolvedJob
from .state.budgets import Account, of_month
from .state.store import StateStore


def caps_of(jobs: Iterable[ResolvedJob]) -> tuple[Cap, ...]:
    """Every cap that these jobs spend under, each once."""
    found: dict[tuple[str, str], Cap] = {}
    for job in jobs:
        budget, provider = job.spec.budget, job.spec.model.provider
        found["job", job.name] = Cap(
            "job", job.name, budget.usd_per_month, budget.tokens_per_month
        )
        found["provider", provider] = Cap(
            "provider", provider, job.provider.limits.usd_per_month
        )
    return tuple(cap for cap in found.values() if cap.usd is not None or cap.tokens is not None)


def spent_of(cap: Cap, at: float, store: StateStore) -> Account:
    """What was spent of it in the month that holds this instant."""
    return store.budgets.standing(of_month(cap.of, cap.name, at))


def alert_about_caps(caps: Iterable[Cap], deps: Deps, *, all_of_them: bool = False) -> None:
    """Open, repeat or resolve the alert of each cap. `all_of_them`: an alert about any other cap
    is over, since nothing limits its month any more."""
    caps = tuple(caps)
    if not caps and not all_of_them:
        return
    open_ = {
        kept.alert.dedup_key for kept in deps.store.alerts.open() if kept.alert.kind == "month_cap"
    }
    seen: set[str] = set()
    for cap in caps:
        subject = f"{cap.name}/" if cap.of == "job" else f"/provider {cap.name}"
        key = f"month_cap/{subject}"
        seen.add(key)
        now = _nearest(cap, deps)
        if now is not None or key in open_:
            settle(key, now, "", deps)
    for key in open_ - seen if all_of_them else ():
        settle(key, None, "", deps)


def _nearest(cap: Cap, deps: Deps) -> Alert | None:
    """Of USD and tokens the one of which more is used up; None while far from both."""
    at = deps.store.clock()
    stands = spent_of(cap, at, deps.store)
    said = [
        alert
        for alert in (
            month_cap(cap, at, spent=spent, limit=limit, unit=unit)
            for spent, limit, unit in _measures(cap, stands)
        )
        if alert is not None
    ]
    return max(said, key=lambda alert: alert.figures["share"], default=None)


def _measures(cap: Cap, stands: Account) -> Iterator[tuple[float, float, str]]:
    if cap.usd is not None:
        yield stands.spent_usd, cap.usd, "USD"
    if cap.tokens is not None:
        yield float(stands.spent_tokens), float(cap.tokens), "tokens"
