"""Metrics: how every batch stands now, as figures for Prometheus. Looked up; changes nothing.

The same figures as in `batch-ai status` and in alerts. Batches that ended more than a day ago are
left out: a time series is not an archive. How a figure is written is `reporting/prometheus.py`'s.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .control.budget import version_limits
from .deps import Deps
from .projecting import due_at, projected, will_end
from .reporting.prometheus import Family, Sample, exposition
from .spec.resolved import ResolvedJob
from .state.life_cycle import State
from .state.rows import BatchRow

FILE = Path("metrics", "batch_ai.prom")
"""Below the home: for the textfile collector of node_exporter."""
_SHOWN_SECONDS = 86_400.0
"""A batch is shown for so long after its end."""
_ENDS = ("pending", "valid", "review", "dead", "discarded", "cancelled", "skipped")


@dataclass(frozen=True, slots=True)
class _Standing:
    """One batch at this moment; None where a figure does not exist."""

    row: BatchRow
    budget_usd: float | None
    eta_seconds: float | None
    deadline_seconds: float | None

    @property
    def labels(self) -> Mapping[str, str]:
        return {"job": self.row.job, "batch": self.row.batch}

    @property
    def ratio(self) -> float:
        counts = self.row.conservation
        return 1.0 - counts.pending / counts.items if counts.items else 0.0


def metrics(jobs: Mapping[str, ResolvedJob], deps: Deps) -> str:
    """All figures, in the text format. Raises StateError."""
    shown = deps.store.overview(since=deps.store.clock() - _SHOWN_SECONDS)
    found = [_standing(row, jobs.get(row.job), deps) for row in shown]
    return exposition([*_of_batches(found), *_of_platform(jobs, deps)])


def keep_metrics(jobs: Mapping[str, ResolvedJob], deps: Deps) -> list[str]:
    """Write them to `FILE` below the home, whole or not at all; what went wrong, for people."""
    path = deps.home / FILE
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(metrics(jobs, deps), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        return [f"{path} cannot be written: {error.strerror}."]
    return []


def _standing(row: BatchRow, job: ResolvedJob | None, deps: Deps) -> _Standing:
    plan = deps.store.batches.latest_plan(row.job, row.batch)
    if job is None or plan is None:
        return _Standing(row, None, None, None)
    now, due = deps.store.clock(), due_at(plan, deps.store)
    ended = State(row.state).finished
    pace = None if ended else projected(job, plan, deps)
    span = None if ended else will_end(job, plan, pace, State(row.state), deps)
    limit_usd, _ = version_limits(job.spec.budget, deps.store.approvals.allowed(plan))
    return _Standing(
        row=row,
        budget_usd=limit_usd,
        eta_seconds=0.0 if ended else None if span is None else max(0.0, span.likely - now),
        deadline_seconds=None if due is None or ended else due - now,
    )


def _of_batches(found: Sequence[_Standing]) -> list[Family]:
    def family(name: str, says: str, figure: Callable[[_Standing], float | None]) -> Family:
        figures = ((one, figure(one)) for one in found)
        samples = (Sample(value, one.labels) for one, value in figures if value is not None)
        return Family(f"batch_ai_{name}", says, tuple(samples))

    return [
        Family(
            "batch_ai_batch_state",
            "1 for the state that the batch is in, and why.",
            tuple(
                Sample(1, {**one.labels, "state": one.row.state, "reason": one.row.reason})
                for one in found
            ),
        ),
        Family(
            "batch_ai_batch_items",
            "Documents of the newest version, by their end.",
            tuple(
                Sample(asdict(one.row.conservation)[end], {**one.labels, "end": end})
                for one in found
                for end in _ENDS
            ),
        ),
        family("batch_progress_ratio", "Share of documents with an end, 0 to 1.",
               lambda one: one.ratio),
        family("batch_cost_usd", "What the newest version has cost, USD.",
               lambda one: one.row.cost_usd),
        family("batch_budget_usd", "What it may cost, approvals included, USD.",
               lambda one: one.budget_usd),
        family("batch_eta_seconds", "Until it is likely complete; absent where nobody can tell.",
               lambda one: one.eta_seconds),
        family("deadline_seconds", "Until its deadline; negative once that is missed.",
               lambda one: one.deadline_seconds),
    ]  # fmt: skip


def _of_platform(jobs: Mapping[str, ResolvedJob], deps: Deps) -> list[Family]:
    store = deps.store
    alerts = Counter((kept.alert.kind, kept.alert.severity) for kept in store.alerts.open())
    dead = dict.fromkeys(jobs, 0) | store.letters.counts()
    away = {one.provider: one for one in store.outages.unsettled()}
    providers = sorted({job.spec.model.provider for job in jobs.values()} | set(away))
    return [
        Family(
            "batch_ai_dead_letters",
            "Dead letters of the newest version of every batch of the job.",
            tuple(
                Sample(count, {"job": job}) for job, count in sorted(dead.items())
            ),
        ),
        Family(
            "batch_ai_alerts_open",
            "Alerts that are open.",
            tuple(
                Sample(count, {"kind": kind, "severity": severity})
                for (kind, severity), count in sorted(alerts.items())
            ),
        ),
        Family(
            "batch_ai_provider_away",
            "1 while the provider does not answer, else 0.",
            tuple(
                Sample(float(name in away and away[name].lasts), {"provider": name})
                for name in providers
            ),
        ),
    ]

