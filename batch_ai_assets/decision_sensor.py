"""When decisions of people are carried out by themselves: which are ripe, and the Dagster shell.

A replay at once; a person who works through a review is left in peace first, so that one version
carries all of it. Where the job was edited since, its next version would ask and pay for more than
was decided: that is left to a person. How often a run is asked for is `offers.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.offers import (
    MAX_OFFERS,
    Offer,
    decide,
    is_at_work,
    is_under_way,
    read_cursor,
    write_cursor,
)
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.state.rows import OpenDecisions

QUIET_SECONDS = 120.0
"""So long nobody decided anything about the batch, before reviews and discards are carried out."""
_NOTHING = "Nothing was decided that is not carried out."


@dataclass(frozen=True, slots=True)
class Found:
    """Batches of a job that people have decided about, by what is to be done now."""

    ripe: Mapping[str, float]
    """batch → time of its newest decision."""
    young: tuple[str, ...] = ()
    """Somebody may still be deciding."""
    outdated: tuple[str, ...] = ()
    """The job has changed since."""


def sort_out(found: Mapping[str, OpenDecisions], now: float, spec_hash: str) -> Found:
    """Which of the batches it is time to run, and why not the others."""
    same = {batch: one for batch, one in found.items() if one.spec_hash == spec_hash}
    ripe = {
        batch: one.newest_at
        for batch, one in same.items()
        if one.replays or now - one.newest_at >= QUIET_SECONDS
    }
    return Found(ripe, tuple(same.keys() - ripe.keys()), tuple(found.keys() - same.keys()))


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
            "documents again, and has accepted and corrected answers among its results. Leaves a "
            "batch alone whose job was edited since."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        deps: Deps = context.resources.engine.deps
        known = read_cursor(context.cursor)
        requests: list[dg.RunRequest] = []
        remembered: dict[str, Mapping[str, Offer]] = {}
        why_not: list[str] = []
        for name, job in jobs.items():
            open_ = deps.store.decisions.not_carried_out(name)
            found = sort_out(open_, time.time(), job.spec_hash() if open_ else "")
            offered = known.get(name, {})
            at_work = frozenset(
                batch
                for batch in found.ripe
                if is_at_work(deps, name, batch)
                or is_under_way(context.instance, _key(name, batch, offered.get(batch)))
            )
            decision = decide(found.ripe, {}, at_work, offered)
            remembered[name] = decision.remember
            requests += [
                dg.RunRequest(
                    run_key=_key(name, batch, offer),
                    job_name=run_jobs[name].name,
                    partition_key=batch,
                )
                for batch, offer in decision.now.items()
            ]
            why_not += _why_not(name, found, at_work, decision.exhausted)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else " ".join(why_not) or _NOTHING,
            cursor=write_cursor(remembered),
        )

    return shell


def _key(job: str, batch: str, offer: Offer | None) -> str:
    """The run key of an offer; empty where there was none."""
    return "" if offer is None else f"{job}/{batch}/decided/{offer.revision}/{offer.number}"


def _why_not(
    job: str, found: Found, at_work: Iterable[str], exhausted: Iterable[str]
) -> list[str]:
    said = {
        "The job was edited since people decided, so that a run asks and pays for more than they"
        " decided; batch-ai run says how many decisions fall away:": found.outdated,
        f"Asked for {MAX_OFFERS} times, and not carried out; see why its runs fail, and run it"
        " yourself:": exhausted,
        "Somebody may still be deciding:": found.young,
        "At work, or in the queue:": at_work,
    }
    return [
        f"{words} {', '.join(f'{job}/{batch}' for batch in sorted(batches))}."
        for words, batches in said.items()
        if batches
    ]
