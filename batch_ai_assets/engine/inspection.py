"""Inspection: the documents of a batch are looked at before the first call is made.

Brings together what the check needs (the manifest, the groups' room, earlier batches) and draws up
the record of a batch that is refused. What is too much of something is judged in
`validation/input_quality.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime

from .completion import draw_up
from .deps import Deps, Run
from .errors import BatchHalted, SealError, StorageError
from .events import log_event
from .figures import BatchFigures, Conservation
from .held import held
from .planning.groups import groups_of, place_of
from .planning.versions import Step, frozen_job
from .spec.resolved import ResolvedJob
from .state.life_cycle import State
from .state.rows import Plan
from .state.sizes import earlier_sizes
from .stepping import step_of
from .tables import BatchTable, at, get_json, put_json
from .validation.check_result import CheckResult
from .validation.input_profile import InputProfile, count_too_long, profile
from .validation.input_quality import input_checks

_PROFILE = "_profile.json"


def inspect(job: ResolvedJob, raw: BatchTable, deps: Deps) -> tuple[CheckResult, ...]:
    """What the check finds in the documents `raw`. Raises StorageError, SealError."""
    groups = groups_of(job)

    def too_long(kind: str, tokens: int, changed: datetime | None) -> bool:
        return tokens > groups[place_of(job, kind, tokens, changed)].template.room

    def least_room() -> int:
        return min(group.template.room for group in groups)

    return input_checks(
        job,
        _profile(raw, deps),
        count_too_long(raw, least_room, too_long),
        earlier_sizes(deps.store.database, raw.job, raw.batch),
    )


def input_checks_of(
    job: ResolvedJob, run: Run, deps: Deps, raw: BatchTable
) -> tuple[CheckResult, ...]:
    """Every check of the documents; of a version that is planned already, as it was planned."""
    plan = deps.store.batches.latest_plan(raw.job, raw.batch)
    if plan is not None and step_of(plan, job, run, deps) is not Step.PLAN:
        job = frozen_job(plan, job)
    return inspect(job, raw, deps)


def input_checks_of_run(
    job: ResolvedJob, run: Run, deps: Deps, raw: BatchTable
) -> tuple[CheckResult, ...]:
    """The same on the way to the calls: where they cannot be made, the batch ends with a state."""
    with held(job, raw.batch, run, deps):
        return input_checks_of(job, run, deps, raw)


def inspected(job: ResolvedJob, plan: Plan, deps: Deps) -> tuple[CheckResult, ...]:
    """The same for the record of a planned batch; nothing where its documents are gone."""
    with suppress(StorageError, SealError):
        return inspect(frozen_job(plan, job), deps.tables.open(plan.raw_path), deps)
    return ()


def refusal(
    job: ResolvedJob, raw: BatchTable, run: Run, deps: Deps, findings: Iterable[CheckResult]
) -> BatchHalted:
    """The halt of a batch whose documents may not be asked about, its record kept.

    A batch that has a finished version keeps the record of that one as its last word.
    """
    checks = tuple(findings)
    failed = [check for check in checks if check.stops_release]
    message = f"Nothing of {job.name}/{raw.batch} was asked; failed: " + "; ".join(
        f"{check.name} ({check.found})" for check in failed
    )
    names = ", ".join(check.name for check in failed)
    log_event("checks_failed", job=job.name, batch=raw.batch, run_id=run.run_id, names=names)
    plan = deps.store.batches.latest_plan(job.name, raw.batch)
    if plan is None or plan.planned_at is None:
        version = plan.version if plan else 1
        record = draw_up(
            job, _unbegun(job, raw, version, run), run, deps,
            state=State.HALTED, reason="checks", message=message, checks=checks,
            figures=BatchFigures(Conservation(raw.rows, pending=raw.rows)),
        )  # fmt: skip
        deps.store.batches.keep_record(
            job.name, raw.batch, version, run.run_id, record.model_dump_json()
        )
    return BatchHalted("checks", message)


def _unbegun(job: ResolvedJob, raw: BatchTable, version: int, run: Run) -> Plan:
    """The version that would have been planned: the store never hears of it."""
    return Plan(
        plan_id=0,
        job=job.name,
        batch=raw.batch,
        version=version,
        spec=job.model_dump_json(by_alias=True),
        spec_hash=job.spec_hash(),
        mode=run.mode.value,
        raw_path=raw.path,
        items=raw.rows,
        work_plan_path=None,
        enriched_path=None,
        report_path=None,
        results_path=None,
        planned_at=None,
        started_at=None,
        finished_at=None,
        throttled=0,
    )


def _profile(raw: BatchTable, deps: Deps) -> InputProfile:
    """The figures of the manifest, counted once and kept beside it: it never changes."""
    place = at(raw.path) / _PROFILE
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = get_json(place)
        named = {finding: tuple(ids) for finding, ids in kept["named"].items()}
        return replace(InputProfile(**kept), named=named)
    found = profile(raw, deps.sealer)
    with suppress(OSError):  # a folder that is read only costs time, nothing else
        put_json(place, asdict(found))
    return found
