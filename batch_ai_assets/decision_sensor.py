"""When decisions of people are carried out by themselves: a pure decision and its Dagster shell.

A replay at once; a person who works through a review is left in peace first, so that one version
carries all of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import OpenDecisions

QUIET_SECONDS = 120.0
"""So long nobody decided anything about the batch, before reviews and discards are carried out."""
MAX_OFFERS = 3
"""Runs asked for at most so often for the same decisions."""
_NOTHING = "Nothing was decided that is not carried out."


@dataclass(frozen=True, slots=True)
class Decision:
    """Which batches to run now, and how often each was asked for before."""

    run: Mapping[str, int]
    """batch → the how-many-th run for these decisions."""
    remember: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    """batch → (time of its newest decision, runs asked for)."""


def decide(
    found: Mapping[str, OpenDecisions],
    at_work: frozenset[str],
    offered: Mapping[str, tuple[float, int]],
    now: float,
) -> Decision:
    """Run batches whose decisions wait, unless somebody works on them, or is still deciding.

    `offered`: what was remembered the last time. Times are seconds since 1970.
    """
    run: dict[str, int] = {}
    remember: dict[str, tuple[float, int]] = {}
    for batch, decisions in sorted(found.items()):
        at, number = offered.get(batch, (decisions.newest_at, 0))
        if at != decisions.newest_at:
            number = 0
        ripe = decisions.replays or now - decisions.newest_at >= QUIET_SECONDS
        if ripe and batch not in at_work and number < MAX_OFFERS:
            number += 1
            run[batch] = number
        if number:
            remember[batch] = (decisions.newest_at, number)
    return Decision(run, remember)


def decision_sensor(
    jobs: Mapping[str, ResolvedJob], run_jobs: Mapping[str, Any]
) -> dg.SensorDefinition:
    """One sensor for all jobs. `run_jobs` maps a job's name to the asset job of a whole batch."""

    @dg.sensor(
        name="decisions",
        jobs=list(run_jobs.values()),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={ENGINE},
        description=(
            "Runs a batch about which a person has decided: its next version asks about replayed "
            "documents again, and has accepted and corrected answers among its results."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        deps: Deps = context.resources.engine.deps
        known = json.loads(context.cursor) if context.cursor else {}
        requests: list[dg.RunRequest] = []
        remembered: dict[str, Mapping[str, tuple[float, int]]] = {}
        for name in jobs:
            found = deps.store.decisions.not_carried_out(name)
            offered = {batch: (float(at), int(n)) for batch, (at, n) in known.get(name, {}).items()}
            at_work = frozenset(
                batch for batch in found if deps.store.leases.holder(name, batch) is not None
            )
            decision = decide(found, at_work, offered, time.time())
            remembered[name] = decision.remember
            requests += [
                dg.RunRequest(
                    run_key=f"{name}/{batch}/{found[batch].version}/{found[batch].newest_at}/{n}",
                    job_name=run_jobs[name].name,
                    partition_key=batch,
                )
                for batch, n in decision.run.items()
            ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _NOTHING,
            cursor=json.dumps({name: one for name, one in remembered.items() if one}),
        )

    return shell
