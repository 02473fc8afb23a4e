"""A batch from manifest to completion record, stage by stage, and all at once.

    read_inputs → plan_work → enrich → judge → release → complete

Each Dagster asset calls one stage; `run_batch` calls them all: one path for everybody. Every
stage may be repeated: it goes on from what the state store knows. The truth about a batch is in
the store; a stage returns the table it published.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from .alerting import alert_at_the_end, resolve
from .asking import ask
from .completion import changed_since, draw_up
from .control.deadline import deadline_of
from .deadlines import deadline_is_met, watched_deadline
from .deps import Deps, Mode, Run
from .enriched import enriched_rows
from .errors import (
    BatchAIError,
    BatchHalted,
    LeaseHeldError,
    OrderError,
    StateError,
)
from .events import log_event
from .exports import export_dead_letters, export_reviews
from .held import ending, held, move
from .history import deadlines_kept, earlier_figures
from .inputs import documents, is_outdated
from .inspection import inspect, inspected, refusal
from .judging import Judging
from .objectives import alert_about_objectives
from .planning.manifest import manifest_rows, manifest_schema
from .planning.plan import Planner
from .planning.versions import Step, frozen_job
from .planning.work_plan import work_plan_schema
from .pointing import current, point_again
from .reporting.completion import CompletionRecord
from .spec.resolved import ResolvedJob
from .spending import watched_spending
from .standing import prove_may_ask, prove_not_cancelled
from .state.life_cycle import State
from .state.rows import Plan
from .stepping import mode_of, reads_the_same, step_of
from .tables import BatchTable, reading
from .validation.check_result import CheckResult
from .validation.checks import blocking_failures, run_checks
from .validation.columns import enriched_schema, result_schema
from .validation.rules import check_rules
from .validation.version_tables import VersionTables

__all__ = [
    "Deps",
    "Mode",
    "Outcome",
    "Run",
    "checks",
    "checks_of_run",
    "complete",
    "enrich",
    "export_dead_letters",
    "export_reviews",
    "judge",
    "newest_plan",
    "plan_work",
    "read_inputs",
    "release",
    "run_batch",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of a batch ended."""

    state: State
    message: str
    record: CompletionRecord | None
    """None where nothing was planned yet."""


def read_inputs(
    job: ResolvedJob, batch: str, run: Run, deps: Deps, upstream: object = None
) -> BatchTable:
    """Stage 1: every document of the batch into `raw_inputs`, or the manifest that is there.

    upstream: the value of the Dagster asset that `input.asset` names, where it is no job of ours.
    Raises IntakeError; no call has been made then and the batch stays `planned`.
    """
    with held(job, batch, run, deps, stays_planned=True):
        prove_not_cancelled(job, batch, deps)
        plan = deps.store.batches.latest_plan(job.name, batch)
        step = step_of(plan, job, run, deps)
        if step is Step.PLAN:
            check_rules(job, deps.connect)
        reread = step is Step.PLAN and run.mode is Mode.REREAD
        if plan is not None and reads_the_same(plan, job) and not reread:
            raw = deps.tables.open(plan.raw_path)
            if not is_outdated(job, batch, raw, run, deps, plans_anew=step is Step.PLAN):
                return raw
        found = documents(job, batch, deps, upstream)
        rows = manifest_rows(job.name, batch, found, deps.sealer)
        raw = deps.tables.write(job.name, "raw_inputs", batch, run.run_id, manifest_schema(), rows)
        log_event("manifest_written", job=job.name, batch=batch, run_id=run.run_id, items=raw.rows)
        return raw


def plan_work(
    job: ResolvedJob, batch: str, run: Run, deps: Deps, raw: BatchTable
) -> BatchTable:
    """Stage 2: freeze the spec, give every item of `raw` its place, before any call."""
    with held(job, batch, run, deps):
        prove_not_cancelled(job, batch, deps)
        store = deps.store
        plan = store.batches.latest_plan(job.name, batch)
        step = step_of(plan, job, run, deps)
        if step is not Step.PLAN and plan is not None and plan.work_plan_path is not None:
            return deps.tables.open(plan.work_plan_path)
        findings = inspect(job, raw, deps)
        if blocking_failures(findings):
            raise refusal(job, raw, run, deps, findings)
        plan = store.batches.begin_plan(
            job.name,
            batch,
            spec=job.model_dump_json(by_alias=True),
            spec_hash=job.spec_hash(),
            mode=mode_of(plan, job, run),
            raw_path=raw.path,
            items=raw.rows,
            deadline_of=lambda at: deadline_of(job.spec.sla, at),
        )
        if (state := store.batches.state(job.name, batch)) and state.finished:
            move(job, batch, run, deps, State.PLANNED)  # its next version has no end yet
        planner = Planner(job, plan, store, deps.sealer, run.shards)
        planner.run(raw)
        table = deps.tables.write(
            job.name, "work_plan", batch, run.run_id, work_plan_schema(), planner.work_plan()
        )
        # One mark for both: a version is planned once all of its plan is there.
        store.batches.mark(plan.plan_id, work_plan_path=table.path, planned_at=store.clock())
        log_event(
            "batch_planned",
            job=job.name, batch=batch, run_id=run.run_id, version=plan.version,
            items=raw.rows, to_ask=planner.to_ask, shards=len(planner.shards),
        )  # fmt: skip
        if planner.fallen_away:
            log_event(
                "decisions_fall_away",
                job=job.name, batch=batch, run_id=run.run_id, version=plan.version,
                items=planner.fallen_away,
            )  # fmt: skip
        return table


def enrich(job: ResolvedJob, batch: str, run: Run, deps: Deps) -> BatchTable:
    """Stage 3: ask the provider about every item that needs it; publish what was answered.

    Raises BatchHalted, BatchPaused, BatchCancelled, BatchInterrupted; items without an answer are
    pending then, or cancelled.
    """
    with held(job, batch, run, deps):
        plan = newest_plan(job, batch, deps)
        if plan.finished_at and plan.enriched_path:
            return deps.tables.open(plan.enriched_path)
        prove_may_ask(job, plan, deps)
        move(job, batch, run, deps, State.RUNNING)
        if plan.started_at is None:
            deps.store.batches.mark(plan.plan_id, started_at=deps.store.clock())
        frozen, raw = frozen_job(plan, job), deps.tables.open(plan.raw_path)
        resolve(job.name, batch, ("stopped",), deps)
        with watched_spending(frozen, plan, deps) as watched, watched_deadline(job, plan, deps):
            ask(frozen, plan, raw, run, watched)
        table = deps.tables.write(
            job.name,
            "enriched_outputs",
            batch,
            run.run_id,
            enriched_schema(frozen),
            enriched_rows(frozen, plan, raw, deps.store, deps.sealer),
        )
        deps.store.batches.mark(plan.plan_id, enriched_path=table.path)
        log_event("enriched", job=job.name, batch=batch, run_id=run.run_id, rows=table.rows)
        return table


def judge(job: ResolvedJob, batch: str, run: Run, deps: Deps) -> BatchTable:
    """Stage 4: a verdict for every item, and the rows that may be released, laid out."""
    with held(job, batch, run, deps):
        plan = newest_plan(job, batch, deps)
        if plan.finished_at and plan.report_path:
            return deps.tables.open(plan.report_path)
        if plan.enriched_path is None:
            raise OrderError(
                f"Batch {job.name}/{batch} has no answers yet. Materialize enriched_outputs "
                "first, or run the whole job."
            )
        prove_not_cancelled(job, batch, deps)
        frozen, raw = frozen_job(plan, job), deps.tables.open(plan.raw_path)
        judging = Judging(frozen, plan, raw, deps.tables.open(plan.enriched_path), deps)
        judging.write_ends()
        report = deps.tables.write(
            job.name, "validation_report", batch, run.run_id,
            judging.report_schema(), judging.report(),
        )  # fmt: skip
        candidate = deps.tables.write(
            job.name, "results", batch, run.run_id, result_schema(frozen), judging.candidate()
        )
        deps.store.batches.mark(
            plan.plan_id, report_path=report.path, results_path=candidate.path
        )
        counts = deps.store.conservation(plan)
        log_event(
            "judged",
            job=job.name, batch=batch, run_id=run.run_id, valid=counts.valid,
            review=counts.review, dead=counts.dead,
        )  # fmt: skip
        return report


def checks(job: ResolvedJob, batch: str, deps: Deps) -> tuple[CheckResult, ...]:
    """Every check of the newest version, recomputed from the store and what is published."""
    plan = newest_plan(job, batch, deps)
    if plan.results_path is None:
        raise OrderError(
            f"Batch {job.name}/{batch} has no verdicts yet. Materialize validation_report first, "
            "or run the whole job."
        )
    figures = deps.store.figures(job.name, batch)
    with reading(plan.results_path):
        tables = VersionTables.of(plan, deps.tables)
        earlier = earlier_figures(job.name, batch, "confidence", deps.store)
        kept = deadlines_kept(plan, deps.store)
        return run_checks(frozen_job(plan, job), figures, tables, deps.connect, earlier, kept)


def checks_of_run(
    job: ResolvedJob, batch: str, run: Run, deps: Deps
) -> tuple[CheckResult, ...]:
    """`checks` on the way to a release: where they cannot be made, the batch ends with a state."""
    with held(job, batch, run, deps):
        return checks(job, batch, deps)


def release(job: ResolvedJob, batch: str, run: Run, deps: Deps) -> BatchTable:
    """Stage 5: make the valid rows what consumers read, unless a blocking check fails.

    Raises BatchHalted("checks"). The verdict is read again here: a check that Dagster ran in
    another run proves nothing about these rows.
    """
    with held(job, batch, run, deps):
        plan = newest_plan(job, batch, deps)
        if plan.finished_at and plan.results_path:
            table = deps.tables.open(plan.results_path)
            point_again(plan, job, table, deps)
            return table
        releases = deps.store.releases.of(job.name, batch)
        mine = next((one for one in releases if one.version == plan.version), None)
        if mine is not None:  # a crash came after the release: it stands, and so do its rows
            deps.store.batches.mark(plan.plan_id, results_path=mine.path)
        findings = checks(job, batch, deps)
        candidate = deps.tables.open(mine.path if mine else str(plan.results_path))
        if failed := blocking_failures(findings):
            names = ", ".join(result.name for result in failed)
            log_event("checks_failed", job=job.name, batch=batch, run_id=run.run_id, names=names)
            raise BatchHalted(
                "checks",
                f"Nothing of {job.name}/{batch} was released; failed: "
                + "; ".join(f"{result.name} ({result.found})" for result in failed),
            )
        if mine is None:
            prove_not_cancelled(job, batch, deps)
            mine = deps.store.releases.add(
                plan, by="automatic", reason="blocking checks passed",
                path=candidate.path, rows=candidate.rows,
            )  # fmt: skip
        deps.tables.point_current(current(mine, candidate, plan, job))
        log_event(
            "released",
            job=job.name, batch=batch, run_id=run.run_id, version=mine.version, rows=mine.rows,
        )  # fmt: skip
        return candidate


def complete(job: ResolvedJob, batch: str, run: Run, deps: Deps) -> CompletionRecord:
    """Stage 6: the audit record; the batch is finished and its lease given back."""
    with held(job, batch, run, deps):
        plan = newest_plan(job, batch, deps)
        kept = deps.store.batches.latest_record(job.name, batch)
        if plan.finished_at and kept is not None:
            deps.store.leases.release(job.name, batch, run.run_id)
            return CompletionRecord.from_json(kept)
        counts = deps.store.conservation(plan)
        if counts.pending:
            raise OrderError(
                f"Batch {job.name}/{batch} has {counts.pending:,} pending items and cannot be "
                "completed. Run the whole job; it goes on where it stopped."
            )
        state = State.COMPLETED_WITH_DEAD_LETTERS if counts.dead else State.COMPLETED
        findings = (*inspected(job, plan, deps), *checks(job, batch, deps))
        if all(one.version != plan.version for one in deps.store.releases.of(job.name, batch)):
            raise OrderError(
                f"Nothing of version {plan.version} of {job.name}/{batch} is released yet. "
                "Materialize results first, or run the whole job."
            )
        record = draw_up(
            frozen_job(plan, job), plan, run, deps,
            state=state, reason="", message="", checks=findings,
        )  # fmt: skip
        if plan.spec_hash != job.spec_hash():
            record = changed_since(record)
        deps.store.batches.keep_record(
            job.name, batch, plan.version, run.run_id, record.model_dump_json()
        )
        move(job, batch, run, deps, state)
        alert_at_the_end(job, record, deps)
        alert_about_objectives(job, record, deps)
        deadline_is_met(job, plan, deps)
        deps.store.batches.mark(plan.plan_id, finished_at=deps.store.clock())
        deps.store.leases.release(job.name, batch, run.run_id)
        log_event(
            "batch_ended",
            job=job.name, batch=batch, run_id=run.run_id, state=state.value,
            conservation=record.conservation.line, cost_usd=record.cost_usd,
        )  # fmt: skip
        return record


def run_batch(job: ResolvedJob, batch: str, run: Run, deps: Deps) -> Outcome:
    """All stages. A stop of the batch is an outcome; LeaseHeldError and defects are raised."""
    try:
        raw = read_inputs(job, batch, run, deps)
        _publish(raw, job, batch, run, deps)
        _publish(plan_work(job, batch, run, deps, raw), job, batch, run, deps)
        for stage in (enrich, judge, release):
            _publish(stage(job, batch, run, deps), job, batch, run, deps)
        for export in (export_dead_letters, export_reviews):
            with held(job, batch, run, deps):
                deps.tables.point_latest(export(job, batch, run, deps))
        record = complete(job, batch, run, deps)
        return Outcome(State(record.state), _said(record, run), record)
    except LeaseHeldError:
        raise
    except BatchAIError as stop:
        state, _ = ending(stop)
        kept = None
        with suppress(StateError):
            kept = deps.store.batches.latest_record(job.name, batch)
        return Outcome(state, str(stop), CompletionRecord.from_json(kept) if kept else None)


def _said(record: CompletionRecord, run: Run) -> str:
    if record.run_id == run.run_id:
        return record.message
    return (
        f"Batch {record.job}/{record.batch} was finished by run {record.run_id} (version "
        f"{record.version}) and nothing has changed since: nothing was done. --reprocess makes "
        "the next version from stored answers, --reread of the documents as they are now, --fresh "
        "asks the provider again."
    )


def _publish(table: BatchTable, job: ResolvedJob, batch: str, run: Run, deps: Deps) -> None:
    with held(job, batch, run, deps):
        deps.tables.point_latest(table)


def newest_plan(job: ResolvedJob, batch: str, deps: Deps) -> Plan:
    """The newest version of the batch; StateError where nothing is planned."""
    plan = deps.store.batches.latest_plan(job.name, batch)
    if plan is None or plan.planned_at is None:
        raise OrderError(
            f"Batch {job.name}/{batch} is not planned yet. Materialize raw_inputs and work_plan "
            "first, or run the whole job."
        )
    return plan
