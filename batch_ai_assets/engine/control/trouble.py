"""Alerts about what holds a batch up: a provider, the state store, its own process. Pure rules."""

from __future__ import annotations

from datetime import UTC, datetime

from ..alert import Alert
from ..state.outages import Outage
from ..state.rows import Plan


def safe_until(since: float, safe_seconds: float, deadline_at: float | None) -> float:
    """Until when an outage harms nobody: for a while, and not past the batch's deadline."""
    until = since + safe_seconds
    return until if deadline_at is None else min(until, deadline_at)


def provider_away(
    plan: Plan, outage: Outage, *, safe_seconds: float, deadline_at: float | None, now: float
) -> Alert:
    """A batch waits for its provider; beyond the safe window it is an error."""
    late = now >= safe_until(outage.since, safe_seconds, deadline_at)
    minutes = max(0.0, now - outage.since) / 60
    return Alert(
        kind="provider_away",
        severity="error" if late else "warning",
        job=plan.job,
        batch=plan.batch,
        title=f"{plan.job}/{plan.batch}: waits for {outage.provider}",
        message=f"The provider {outage.provider} is away since {_clock(outage.since)}: "
        f"{outage.message} It is asked again by itself, and the batch goes on once it answers. "
        + (
            "That is longer than is safe: find out how long it takes, or give the batch up with "
            f"`batch-ai cancel {plan.job} {plan.batch}`."
            if late
            else "Nothing to do unless it lasts."
        ),
        figures={"away_minutes": round(minutes, 1)},
    )


def throttled(
    job: str, batch: str, *, provider: str, granted: float, asked: float, allowed: float | None
) -> Alert:
    """A provider grants less than it is asked for. Figures: requests per minute."""
    said = "" if allowed is None else f", of {allowed:,.0f} that are declared"
    return Alert(
        kind="throttled",
        severity="warning",
        job=job,
        batch=batch,
        title=f"{job}/{batch}: {provider} grants {granted:,.0f} requests a minute",
        message=f"{provider} turns calls away (429): of {asked:,.0f} requests a minute it grants "
        f"{granted:,.0f}{said}. The batch goes on at that rate, and no document loses an attempt. "
        "Declare what it grants in providers.yaml, or ask it for more.",
        figures={
            "granted_per_minute": round(granted, 1),
            "asked_per_minute": round(asked, 1),
            **({} if allowed is None else {"allowed_per_minute": round(allowed, 1)}),
        },
    )


def state_store(job: str, batch: str, message: str) -> Alert:
    """A batch stopped because the state store is away."""
    return Alert(
        kind="state_store",
        severity="error",
        job=job,
        batch=batch,
        title=f"{job}/{batch}: the state store is away",
        message=f"{message} The batch goes on by itself once the store is back.",
    )


def stuck(job: str, batch: str, *, deaths: int) -> Alert:
    """A batch whose process dies again and again."""
    return Alert(
        kind="stuck",
        severity="error",
        job=job,
        batch=batch,
        title=f"{job}/{batch}: its process died {deaths} times",
        message=f"The process that worked on it died {deaths} times, and not one document more was "
        "answered in between: it is not started again. Look at the log of its last run (memory, "
        f"a document that breaks a reader); then `batch-ai resume {job} {batch}`.",
        figures={"deaths": float(deaths)},
    )


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
