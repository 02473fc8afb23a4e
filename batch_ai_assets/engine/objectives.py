"""Objectives: what the batches of the last 30 days kept of what their job promises.

Looked up in the completion records; decided in `control/slo.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from .control.slo import DAYS, KIND, Ended, Objective, objectives, slo_breach
from .deps import Deps
from .outbox import settle
from .reporting.completion import CompletionRecord
from .spec.resolved import ResolvedJob

LAST = 400
"""Records that are read at most; of a batch with several versions the newest counts."""


def measured(
    job: ResolvedJob, deps: Deps, *, just_ended: CompletionRecord | None = None
) -> list[Objective]:
    """Every objective of the job, with `just_ended` where its end is not in the store yet."""
    since = datetime.fromtimestamp(deps.store.clock(), UTC) - timedelta(days=DAYS)
    newest: dict[str, Ended] = {}
    if just_ended is not None:
        newest[just_ended.batch] = _ended(just_ended.model_dump(mode="json"))
    for text in deps.store.batches.newest_records(job.name, LAST):
        record: dict[str, Any] = orjson.loads(text)
        if datetime.fromisoformat(record["finished_at"]) >= since:
            newest.setdefault(record["batch"], _ended(record))
    return objectives(job.spec, list(newest.values()))


def alert_about_objectives(job: ResolvedJob, record: CompletionRecord, deps: Deps) -> None:
    """Open, repeat or resolve the alert about the job's objectives, at the end of a batch."""
    now = slo_breach(job.name, measured(job, deps, just_ended=record))
    settle(f"{KIND}/{job.name}/", now, "missed", deps)


def _ended(record: Mapping[str, Any]) -> Ended:
    figures: dict[str, float] = {}
    for check in record["checks"]:
        figures |= check["figures"]
    budget = record["budget_usd"]
    return Ended(
        in_time=record["sla_met"],
        within_budget=None if budget is None else record["cost_usd"] <= budget,
        asked=int(figures.get("asked", 0)),
        failed_at_first=int(figures.get("first_try_failed", 0)),
        finished=int(figures.get("finished", 0)),
        dead=int(figures.get("dead", 0)),
        answers=int(figures.get("outputs", 0)),
        passed=int(figures.get("passed", 0)),
    )
