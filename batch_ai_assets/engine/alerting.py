"""Alerting: what is wrong with a batch becomes an alert, and is resolved when it is mended.

When there is one is said in `control/`; where it goes, in `outbox.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .capping import alert_about_caps, caps_of
from .control.alerts import budget_used, dead_letters, stopped
from .control.budget import version_limits
from .deps import Deps
from .outbox import outbox, settle
from .reporting.completion import CompletionRecord
from .spec.resolved import ResolvedJob
from .state.rows import Plan

__all__ = ["alert_at_the_end", "outbox"]

_OVER_AT_THE_END = ("stopped", "budget", "provider_away", "throttled", "state_store", "stuck")
"""What held the batch up does so no longer."""


def alert_at_the_end(job: ResolvedJob, record: CompletionRecord, deps: Deps) -> None:
    """What there is to say of a batch that ended, and what is said no longer."""
    alert_about_dead_letters(job, record, deps)
    resolve(record.job, record.batch, _OVER_AT_THE_END, deps)
    alert_about_caps(caps_of((job,)), deps)


def resolve(job: str, batch: str, kinds: Sequence[str], deps: Deps) -> None:
    """Alerts of these kinds about the batch are over, where they are open."""
    for kept in deps.store.alerts.open():
        alert = kept.alert
        if (alert.job, alert.batch) == (job, batch) and alert.kind in kinds:
            settle(alert.dedup_key, None, "", deps)


def alert_about_dead_letters(job: ResolvedJob, record: CompletionRecord, deps: Deps) -> None:
    """Open, repeat or resolve the alert about the dead letters of a batch that ended."""
    counts = record.conservation
    now = dead_letters(
        record.job,
        record.batch,
        dead=counts.dead,
        finished=counts.items - counts.pending - counts.skipped,
        by_reason=record.dead_by_reason,
        error_at=job.spec.thresholds.dead_letter_rate_error,
    )
    settle(f"dead_letters/{record.job}/{record.batch}", now, "dead", deps)


def alert_about_budget(
    job: ResolvedJob, plan: Plan, deps: Deps, *, halted: bool = False
) -> bool:
    """Open, repeat or resolve the alert that a version nears its limit; whether there is one."""
    usd, tokens = version_limits(job.spec.budget, deps.store.approvals.allowed(plan))
    stands = deps.store.budgets.version(plan)
    measures = ((stands.spent_usd, usd, "USD"), (float(stands.spent_tokens), tokens, "tokens"))
    tightest = max(
        ((spent / limit, spent, limit, unit) for spent, limit, unit in measures if limit),
        default=None,
    )
    now = None
    if tightest is not None:
        _, spent, limit, unit = tightest
        now = budget_used(
            plan.job, plan.batch, spent=spent, limit=limit, unit=unit, halted=halted
        )
    settle(f"budget/{plan.job}/{plan.batch}", now, "", deps)
    return now is not None


def alert_about_stop(
    job: str, batch: str, state: str, reason: str, message: str, deps: Deps
) -> None:
    """Open the alert about a batch that waits for a person; resolve it where none does."""
    now = stopped(job, batch, state, reason, message)
    settle(f"stopped/{job}/{batch}", now, "", deps)
