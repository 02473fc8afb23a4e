"""The check of deadlines: how many of a job's last batches were complete in time.

It shows and alerts, and holds nothing back: a late result is still a result.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..spec.resolved import ResolvedJob
from .check_result import MEANINGS, CheckResult

TARGET = 0.99
LAST = 100
"""Versions that are counted."""
_TODO = (
    "See what made them late (`batch-ai alerts --all`): too few calls in flight "
    "(limits.most_concurrency), the provider's limits, or a deadline that nobody can keep."
)


def sla(job: ResolvedJob, in_time: Sequence[bool | None]) -> CheckResult:
    """`in_time`: of the job's last versions, this one the last; None where one has no deadline."""
    known = [one for one in in_time if one is not None]
    if job.spec.sla is None:
        found, passed, share = "the job has no deadline", True, 1.0
    elif not known:
        found, passed, share = "no batch with a deadline yet", True, 1.0
    else:
        share = sum(known) / len(known)
        passed = share >= TARGET
        found = f"{sum(known):,} of the last {len(known):,} in time ({share:.2%})"
        if in_time[-1] is False:
            found += "; this one is late"
    return CheckResult(
        name="sla",
        passed=passed,
        severity="warn",
        blocking=False,
        meaning=MEANINGS["sla"],
        found=found,
        bar=f"at least {TARGET:.0%} of the last {LAST} batches complete by their deadline",
        todo="" if passed else _TODO,
        figures={
            "sla": share, "in_time": float(sum(known)), "batches": float(len(known)),
        },
    )  # fmt: skip
