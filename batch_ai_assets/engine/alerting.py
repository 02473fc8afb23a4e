"""Alerting: what is wrong with a batch becomes an alert, and is resolved when it is mended.

When there is one is said in `control/`; where it goes, in `outbox.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .control.alerts import dead_letters
from .deps import Deps
from .outbox import outbox
from .outbox import settle as _settle
from .reporting.completion import CompletionRecord
from .spec.resolved import ResolvedJob

__all__ = ["alert_at_the_end", "outbox"]

_OVER_AT_THE_END = ("provider_away", "throttled", "state_store", "stuck")
"""What held the batch up does so no longer."""


def alert_at_the_end(job: ResolvedJob, record: CompletionRecord, deps: Deps) -> None:
    """What there is to say of a batch that ended, and what is said no longer."""
    alert_about_dead_letters(job, record, deps)
    resolve(record.job, record.batch, _OVER_AT_THE_END, deps)


def resolve(job: str, batch: str, kinds: Sequence[str], deps: Deps) -> None:
    """Alerts of these kinds about the batch are over, where they are open."""
    for kept in deps.store.alerts.open():
        alert = kept.alert
        if (alert.job, alert.batch) == (job, batch) and alert.kind in kinds:
            _settle(alert.dedup_key, None, "", deps)


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
    _settle(f"dead_letters/{record.job}/{record.batch}", now, "dead", deps)
