"""Alerting: what is wrong is kept in the state store, logged, and appended to the outbox file.

The outbox is `alerts/outbox.jsonl` below the home: one line for each change of an alert, for
whatever watches files, and for when nothing else can be reached. Who is told by webhook, chat or
pager is decided above the engine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from .alert import Alert, Change
from .control.alerts import budget_used, dead_letters, stopped
from .deps import Deps
from .events import log_event
from .reporting.completion import CompletionRecord
from .spec.resolved import ResolvedJob
from .state.alerts import KeptAlert
from .state.rows import Plan


def outbox(home: Path) -> Path:
    """Where alerts are appended."""
    return home / "alerts" / "outbox.jsonl"


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
    allowed, budget = deps.store.approvals.allowed(plan), job.spec.budget
    stands = deps.store.budgets.version(plan)
    measures = (
        (stands.spent_usd, allowed.limit_usd or budget.limit_usd, "USD"),
        (float(stands.spent_tokens), allowed.limit_tokens or budget.limit_tokens, "tokens"),
    )
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
    settle(f"budget/{plan.job}/{plan.batch}", now, "halts", deps)
    return now is not None


def alert_about_stop(
    job: str, batch: str, state: str, reason: str, message: str, deps: Deps
) -> None:
    """Open the alert about a batch that waits for a person; resolve it where none does."""
    now = stopped(job, batch, state, reason, message)
    settle(f"stopped/{job}/{batch}", now, "times", deps)


def resolve(kinds: Sequence[str], job: str, batch: str, deps: Deps) -> None:
    """What was wrong is over: the batch goes on, or is complete."""
    for kind in kinds:
        settle(f"{kind}/{job}/{batch}", None, "", deps)


def settle(key: str, now: Alert | None, figure: str, deps: Deps) -> None:
    """Open, repeat or resolve the alert with this key. `figure`: where it grows while the alert is
    open, the alert is told again."""
    taken, kept = deps.store.alerts.settle(key, now, figure)
    if taken is Change.NOTHING or kept is None:
        return
    alert = kept.alert
    log_event(
        "alert", job=alert.job, batch=alert.batch, kind=alert.kind, severity=alert.severity,
        change=taken.value, title=alert.title,
    )  # fmt: skip
    _append(outbox(deps.home), _line(kept, taken))


def _line(kept: KeptAlert, taken: Change) -> bytes:
    alert = kept.alert
    return orjson.dumps(
        {
            "at": kept.changed_at,
            "change": taken.value,
            "kind": alert.kind,
            "severity": alert.severity,
            "job": alert.job,
            "batch": alert.batch,
            "title": alert.title,
            "message": alert.message,
            "figures": dict(alert.figures),
            "dedup_key": alert.dedup_key,
        }
    )


def _append(path: Path, line: bytes) -> None:
    """One write, so that lines of several processes do not mix. A full disk stops no batch: the
    alert is in the store and in the log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(number, line + b"\n")
        finally:
            os.close(number)
    except OSError as error:
        log_event("outbox_refused", path=str(path), error=os.strerror(error.errno or 0))
