"""The sensor that lets batches go on: told to, approved, or stopped by what has passed.

Which go on is decided in `engine/control/resuming.py`, how often a run is asked for in `offers.py`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.dead_runs import close_dead_runs
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.offers import (
    MAX_OFFERS,
    Offer,
    decide,
    is_batch_under_way,
    read_cursor,
    write_cursor,
)
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.control.resuming import Standstill
    from batch_ai_assets.engine.deps import Deps

_NOTHING = "No batch waits for anything that has come."


def resume_sensor(
    jobs: Mapping[str, ResolvedJob], run_jobs: Mapping[str, Any]
) -> dg.SensorDefinition:
    """One sensor for all jobs. `run_jobs` maps a job's name to the asset job of a whole batch."""

    @dg.sensor(
        name="resumes",
        jobs=list(run_jobs.values()),
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={ENGINE},
        description=(
            "Runs a batch on that was approved or told to go on, whose hours have begun, whose "
            "provider answers again, or whose process died. It goes on from its last commit."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        deps: Deps = context.resources.engine.deps
        return _tick(context, jobs, {name: job.name for name, job in run_jobs.items()}, deps)

    return shell


def _tick(
    context: dg.SensorEvaluationContext,
    jobs: Mapping[str, ResolvedJob],
    run_jobs: Mapping[str, str],
    deps: Deps,
) -> dg.SensorResult:
    from batch_ai_assets.engine.control.resuming import goes_on, revision

    known, now = read_cursor(context.cursor), time.time()
    ripe: dict[str, dict[str, float]] = defaultdict(dict)
    why: dict[tuple[str, str], str] = {}
    for (name, batch), one in _looked_after(context.instance, jobs, deps, now).items():
        if reason := goes_on(one, now):
            why[name, batch] = reason
            ripe[name][batch] = revision(one)
    requests: list[dg.RunRequest] = []
    remembered: dict[str, Mapping[str, Offer]] = {}
    said: list[str] = []
    for name, revisions in ripe.items():
        at_work = frozenset(
            batch for batch in revisions if is_batch_under_way(context.instance, name, batch)
        )
        decision = decide(revisions, {}, at_work, known.get(name, {}))
        remembered[name] = decision.remember
        for batch, offer in decision.now.items():
            context.log.info(f"{name}/{batch} goes on: {why[name, batch]}.")
            key = f"{name}/{batch}/resumed/{offer.revision}/{offer.number}"
            requests.append(
                dg.RunRequest(run_key=key, job_name=run_jobs[name], partition_key=batch)
            )
        said += [
            f"{name}/{batch} was started {MAX_OFFERS} times and came no further; run it by hand."
            for batch in decision.exhausted
        ]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else " ".join(said) or _NOTHING,
        cursor=write_cursor(remembered),
    )


def _looked_after(
    instance: dg.DagsterInstance, jobs: Mapping[str, ResolvedJob], deps: Deps, now: float
) -> Mapping[tuple[str, str], Standstill]:
    """Batches that nobody works on, once dead runs are closed and providers were probed."""
    from batch_ai_assets.engine.control.resuming import is_put_down
    from batch_ai_assets.engine.outage import look_after_outages
    from batch_ai_assets.engine.standstills import standstills
    from batch_ai_assets.engine.upkeep import keep_alerts_true, put_down_death

    look_after_outages(jobs, deps)
    found, died = standstills(jobs, deps), False
    for (name, batch), one in found.items():
        close_dead_runs(instance, deps, name, batch, now)
        if is_put_down(one, now) and not is_batch_under_way(instance, name, batch):
            put_down_death(jobs[name], batch, "sensor:resumes", deps)
            died = True
    found = standstills(jobs, deps) if died else found
    keep_alerts_true(found, deps)
    return found
