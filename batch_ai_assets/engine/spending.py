"""Says once, while a version is at work, that it nears its budget.

What is spent is in the accounts; the progress of the run says when to look.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from .alerting import alert_about_budget
from .control.alerts import BUDGET_WARN
from .control.progress import Progress
from .deps import Deps
from .errors import StateError
from .spec.resolved import ResolvedJob
from .state.rows import Plan


@contextmanager
def watched_spending(job: ResolvedJob, plan: Plan, deps: Deps) -> Iterator[Deps]:
    """The same connections; where the budget is nearly used up, somebody is told before the block
    ends."""
    budget = job.spec.budget
    usd, tokens = budget.limit_usd or float("inf"), budget.limit_tokens or float("inf")
    told = threading.Event()
    looking: list[threading.Thread] = []

    def look() -> None:
        with suppress(StateError):  # the writer meets the same trouble, and reports it
            if not alert_about_budget(job, plan, deps):
                told.clear()  # an approval has raised the limit

    def progress(now: Progress) -> None:
        deps.progress(now)
        share = max(now.cost_usd / usd, now.tokens / tokens)
        if share >= BUDGET_WARN and not told.is_set():
            told.set()
            looking.append(threading.Thread(target=look, name="budget-alert", daemon=True))
            looking[-1].start()

    try:
        yield replace(deps, progress=progress)
    finally:
        for thread in looking:
            thread.join()
