"""When decisions of people are carried out by themselves: which are ripe, and the Dagster shell.

A replay at once; a person who works through a review is left in peace first, so that one version
carries all of it. How often a run is asked for is `offers.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.offers import Offer, decide, is_at_work, read_cursor, write_cursor
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import OpenDecisions

QUIET_SECONDS = 120.0
"""So long nobody decided anything about the batch, before reviews and discards are carried out."""
_NOTHING = "Nothing was decided that is not carried out."


def ripe(found: Mapping[str, OpenDecisions], now: float) -> dict[str, float]:
    """batch → time of its newest decision, where it is time to carry out what was decided."""
    return {
        batch: decisions.newest_at
        for batch, decisions in found.items()
        if decisions.replays or now - decisions.newest_at >= QUIET_SECONDS
    }


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
        known = read_cursor(context.cursor)
        requests: list[dg.RunRequest] = []
        remembered: dict[str, Mapping[str, Offer]] = {}
        for name in jobs:
            newest = ripe(deps.store.decisions.not_carried_out(name), time.time())
            at_work = frozenset(batch for batch in newest if is_at_work(deps, name, batch))
            decision = decide(newest, {}, at_work, known.get(name, {}))
            remembered[name] = decision.remember
            requests += [
                dg.RunRequest(
                    run_key=f"{name}/{batch}/decided/{offer.revision}/{offer.number}",
                    job_name=run_jobs[name].name,
                    partition_key=batch,
                )
                for batch, offer in decision.now.items()
            ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _NOTHING,
            cursor=write_cursor(remembered),
        )

    return shell
