"""When there is an alert: pure rules over figures. The record itself is in `engine/alert.py`."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..alert import Alert
from ..figures import counted
from .month_end import Cap

_NAMED = 3


def dead_letters(
    job: str, batch: str, *, dead: int, finished: int, by_reason: Mapping[str, int], error_at: float
) -> Alert | None:
    """None where there is none. `error_at`: a larger share of the finished documents is an error
    (`thresholds.dead_letter_rate_error`)."""
    if not dead:
        return None
    share = dead / finished if finished else 1.0
    return Alert(
        kind="dead_letters",
        severity="error" if share > error_at else "warning",
        job=job,
        batch=batch,
        title=f"{job}/{batch}: {counted(dead, 'dead letter')}",
        message=f"{counted(dead, 'document')} of {finished:,} ended without a result "
        f"({_most(by_reason)}). Read them with `batch-ai dlq list {job} {batch}`, mend the "
        "cause, then replay or discard them.",
        figures={"dead": float(dead), "finished": float(finished), "share": share},
    )


BUDGET_WARN = 0.8
"""From this share of a budget on a person is told."""


def budget_used(
    job: str, batch: str, *, spent: float, limit: float, unit: str, halted: bool = False
) -> Alert | None:
    """A batch nears its limit (`unit`: USD or tokens), or has halted there; None while far."""
    share = spent / limit
    if share < BUDGET_WARN and not halted:
        return None
    much = f"{spent:,.4f} of {limit:,.4f} USD" if unit == "USD" else f"{spent:,.0f} of {limit:,.0f}"
    amount = much if unit == "USD" else f"{much} {unit}"
    what = "has halted at its budget" if halted else f"has used {share:.0%} of its budget"
    option = "--limit-usd USD" if unit == "USD" else "--limit-tokens N"
    then = (
        "No further call leaves"
        if halted
        else "At 100 % no further call leaves and it halts, with all that was answered"
    )
    return Alert(
        kind="budget",
        severity="error" if halted else "warning",
        job=job,
        batch=batch,
        title=f"{job}/{batch} {what}",
        message=f"{amount} are spent. {then}. Decide whether it may spend more: `batch-ai approve "
        f"{job} {batch} {option} --reason WHY`.",
        figures={"spent": spent, "limit": limit, "share": share},
    )


def stopped(job: str, batch: str, state: str, reason: str, message: str) -> Alert | None:
    """A batch waits for a person; None for a stop that passes by itself, or that a person made."""
    if state not in ("halted", "failed"):
        return None
    return Alert(
        kind="stopped",
        severity="error",
        job=job,
        batch=batch,
        title=f"{job}/{batch} {state}: {reason.replace('_', ' ')}",
        message=message,
    )


def _most(by_reason: Mapping[str, int]) -> str:
    """The most frequent reasons, and how much the others make up."""
    ranked = sorted(by_reason.items(), key=lambda one: (-one[1], one[0]))
    most = ", ".join(f"{count:,} {reason}" for reason, count in ranked[:_NAMED])
    rest = ranked[_NAMED:]
    if not rest:
        return most
    documents = sum(count for _, count in rest)
    return f"{most} and {documents:,} for {counted(len(rest), 'other reason')}"


def month_cap(cap: Cap, at: float, *, spent: float, limit: float, unit: str) -> Alert | None:
    """A job or a provider nears what it may spend in the month of `at`, or has reached it; None
    while far. It is over when the next month begins, whose account is empty."""
    share = spent / limit
    if share < BUDGET_WARN:
        return None
    month = time.strftime("%Y-%m", time.gmtime(at))
    of_job, full = cap.of == "job", share >= 1
    much = f"{spent:,.4f} of {limit:,.4f}" if unit == "USD" else f"{spent:,.0f} of {limit:,.0f}"
    key = f"budget.{unit.lower()}_per_month" if of_job else "limits.usd_per_month"
    then = "No further call leaves" if full else "At 100 % no further call leaves, batches halt,"
    return Alert(
        kind="month_cap",
        severity="error" if full else "warning",
        job=cap.name if of_job else "",
        batch="" if of_job else f"provider {cap.name}",
        title=f"{cap.of} {cap.name} has used {share:.0%} of its cap for {month}",
        message=f"{much} {unit} are spent. {then} until the month ends (UTC). `batch-ai costs "
        f"{month}` shows what it went to; `{key}` in {'job' if of_job else 'providers'}.yaml "
        "allows more.",
        figures={"spent": spent, "limit": limit, "share": share},
    )
