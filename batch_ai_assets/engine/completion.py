"""The completion record of a batch, drawn up from the store in every ending.

Figures come from the state store, checks from the rows to release, resources from this process.
How the record looks is `reporting/`'s.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import orjson

from .accounting import rates_used, savings
from .affordability import planned
from .control.budget import version_limits
from .deps import Deps, Run
from .errors import StorageError
from .figures import BatchFigures, CommonMessage
from .investigating import investigate
from .projecting import due_at
from .reporting.completion import CompletionRecord, ConservationRecord, GroupRecord
from .reporting.next_step import next_step
from .spec.resolved import ResolvedJob
from .state.life_cycle import State
from .state.rows import Plan, ShardRow
from .tables import BatchTable, Current, RowReader
from .validation.accuracy import CohortAccuracy, evaluate
from .validation.check_result import CheckResult


def draw_up(
    job: ResolvedJob,
    plan: Plan,
    run: Run,
    deps: Deps,
    *,
    state: State,
    reason: str,
    message: str,
    checks: tuple[CheckResult, ...],
    figures: BatchFigures | None = None,
    common: Sequence[CommonMessage] = (),
) -> CompletionRecord:
    """The record of `plan` as it stands now; with `figures` where the store has none of it."""
    figures = figures or deps.store.figures(job.name, plan.batch)
    started = plan.started_at or plan.planned_at or deps.store.clock()
    finished = deps.store.clock()
    seconds = max(finished - started, 0.0)
    current: Current | None = None
    accuracy: tuple[CohortAccuracy, ...] = ()
    with suppress(StorageError):  # tables that cannot be read must not keep the record from people
        current = deps.tables.current(job.name, plan.batch)
        accuracy = _accuracy(job, plan, deps)
    released = current is not None and current.version == plan.version
    shards = deps.store.shards.of(plan)
    asking = deps.store.accounts.asking_seconds(plan)
    return CompletionRecord(
        batch=plan.batch,
        version=plan.version,
        state=state.value,
        reason=reason or None,
        message=message,
        run_id=run.run_id,
        who=run.who,
        started_at=datetime.fromtimestamp(started, UTC),
        finished_at=datetime.fromtimestamp(finished, UTC),
        duration_seconds=seconds,
        spec_hash=plan.spec_hash,
        frozen_spec=plan.spec,
        items_per_second=figures.conservation.finished / seconds if seconds else 0.0,
        cpu_seconds=_cpu_seconds(),
        peak_rss_bytes=_peak_rss_bytes(),
        checks=checks,
        accuracy=accuracy,
        results_location=current.path if released and current else None,
        investigation=investigate(plan, common, deps),
        next_step=next_step(job, plan.batch, state, reason, figures),
        groups=tuple(_groups(job, shards)),
        shards=tuple(deps.store.accounts.of_shards(plan, shards)),
        saved=tuple(savings(job, plan, shards, deps.store)),
        asking_seconds=asking,
        **_of_money(job, plan, deps, seconds),
        **_of_deadline(job, plan, deps, started, finished, state),
        rates=tuple(rates_used(job, figures, asking)),
        **_of_job(job),
        **_of_figures(figures),
    )


def _of_deadline(
    job: ResolvedJob, plan: Plan, deps: Deps, started: float, finished: float, state: State
) -> dict[str, Any]:
    """The record's fields that say how long it might take, and did; of a job with a deadline."""
    due = due_at(plan, deps.store) if job.spec.sla else None
    triggered = started if plan.triggered_at is None else plan.triggered_at
    return {
        "sla_seconds": None if due is None else due - triggered,
        "sla_used_seconds": None if due is None else finished - triggered,
        "sla_met": _sla_met(due, finished, state),
    }


def _of_money(job: ResolvedJob, plan: Plan, deps: Deps, seconds: float) -> dict[str, Any]:
    """The record's fields that say what it might and should have cost."""
    budget = job.spec.budget
    usd, tokens = version_limits(budget, deps.store.approvals.allowed(plan))
    estimated = 0.0
    with suppress(StorageError):
        estimated = planned(plan, deps).cost_usd
    return {
        "estimated_usd": estimated,
        "written_off_usd": deps.store.budgets.written_off(plan).usd,
        "machine_usd": seconds / 3600.0 * budget.worker_usd_per_hour,
        "budget_usd": usd,
        "budget_tokens": tokens,
    }


def changed_since(record: CompletionRecord) -> CompletionRecord:
    """The record of a version whose job was edited after it was planned: it says so."""
    said = (
        "The job has changed since this version was planned, and it was finished as planned: "
        f"`batch-ai run {record.job} --batch {record.batch}` makes the next version."
    )
    before = "" if record.next_step == "Nothing." else f"{record.next_step} "
    return record.model_copy(update={"next_step": before + said})


def _groups(job: ResolvedJob, shards: list[ShardRow]) -> Iterator[GroupRecord]:
    for name, found in groupby(shards, key=lambda shard: shard.group):
        part = list(found)
        tokens = [shard.tokens_in for shard in part]
        yield GroupRecord(
            group=name,
            prompt_version=job.for_group(name).spec.prompt.version,
            shards=len(part),
            to_ask=sum(shard.to_ask for shard in part),
            tokens_in=sum(tokens),
            largest_shard=max(tokens) * len(part) / (sum(tokens) or 1),
            truncated=sum(shard.truncated for shard in part),
            divided=sum(shard.divided for shard in part),
        )


def _sla_met(due: float | None, now: float, state: State) -> bool | None:
    """None where there is no SLA, or it is not decided: the batch may still make it."""
    if due is None or (now <= due and not state.finished):
        return None
    return now <= due


def _of_job(job: ResolvedJob) -> dict[str, Any]:
    """The record's fields that say what was asked of whom."""
    spec = job.spec
    return {
        "job": job.name,
        "owner": spec.owner,
        "purpose": spec.purpose,
        "data_classification": spec.data_classification,
        "provider": spec.model.provider,
        "model": spec.model.name,
        "model_version": job.model_version,
        "prompt_version": spec.prompt.version,
        "schema_version": spec.output.version,
    }


def _of_figures(figures: BatchFigures) -> dict[str, Any]:
    """The record's fields that count."""
    return {
        "conservation": ConservationRecord.of(figures.conservation),
        "dead_by_reason": dict(figures.dead_by_reason),
        "skipped_by_reason": dict(figures.skipped_by_reason),
        "tokens_in": figures.tokens_in,
        "tokens_out": figures.tokens_out,
        "tokens_cached": figures.tokens_cached,
        "cost_usd": figures.cost_usd,
        "cache_saved_usd": figures.cache_saved_usd,
        "asked": figures.asked,
        "answered": figures.answered,
        "from_store": figures.from_store,
        "calls": figures.calls,
        "retries": figures.retries,
        "split": figures.split,
        "throttled": figures.throttled,
    }


def _accuracy(job: ResolvedJob, plan: Plan, deps: Deps) -> tuple[CohortAccuracy, ...]:
    if job.spec.evaluation is None or plan.enriched_path is None:
        return ()
    enriched = deps.tables.open(plan.enriched_path)
    raw = deps.tables.open(plan.raw_path)
    return evaluate(_judged(job, enriched, raw))


def _judged(
    job: ResolvedJob, enriched: BatchTable, raw: BatchTable
) -> Iterator[tuple[str | None, str | None, str | None]]:
    """(cohort, answer, truth) of every answered item; unanswered ones are not the model's."""
    wanted = job.spec.evaluation
    assert wanted is not None
    attributes = RowReader(raw, ["attributes"])
    for rows in enriched.scan(["seq", wanted.field]):
        known = attributes.take(rows["seq"].to_pylist())["attributes"].to_pylist()
        for answer, text in zip(rows[wanted.field].to_pylist(), known, strict=True):
            said = orjson.loads(text)
            cohort = said.get(wanted.cohort) if wanted.cohort else None
            yield cohort, None if answer is None else str(answer), said.get(wanted.truth)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_rss_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
