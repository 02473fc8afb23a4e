"""When the dead-letter asset is written again by itself.

A run exports its dead letters at its end. They change later too (a replay, a person who discards
one): then the sensor asks for a new export. How often is `offers.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.offers import (
    MAX_OFFERS,
    Decision,
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

_NOTHING = "No dead letter has changed since it was exported: nothing is to be written again."


def dead_letter_sensor(
    jobs: Mapping[str, ResolvedJob], export_jobs: Mapping[str, Any]
) -> dg.SensorDefinition:
    """One sensor for all jobs. `export_jobs` maps a job's name to the asset job of its export."""

    @dg.sensor(
        name="dead_letters",
        jobs=list(export_jobs.values()),
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={ENGINE},
        description=(
            "Writes `dead_letter_queue` again when dead letters changed after their batch ended. "
            "Never asks a model: it costs nothing."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        deps: Deps = context.resources.engine.deps
        known = read_cursor(context.cursor)
        requests: list[dg.RunRequest] = []
        remembered: dict[str, dict[str, Offer]] = {}
        exhausted: list[str] = []
        for name, job in jobs.items():
            decision = _decide_for(context.instance, job, deps, known.get(name, {}))
            remembered[name] = dict(decision.remember)
            exhausted += [f"{name}/{batch}" for batch in decision.exhausted]
            requests += [
                dg.RunRequest(
                    run_key=_key(name, batch, offer),
                    job_name=export_jobs[name].name,
                    partition_key=batch,
                )
                for batch, offer in decision.now.items()
            ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _nothing(exhausted),
            cursor=write_cursor(remembered),
        )

    return shell


def _decide_for(
    instance: dg.DagsterInstance, job: ResolvedJob, deps: Deps, offered: Mapping[str, Offer]
) -> Decision:
    revisions = deps.store.dead_letter_revision(job.name)
    exported = {
        batch: found
        for batch in revisions
        if (found := _exported_revision(instance, job, batch)) is not None
    }
    at_work = frozenset(
        batch
        for batch in revisions
        if is_at_work(deps, job.name, batch)
        or is_under_way(instance, _key(job.name, batch, offered.get(batch)))
    )
    return decide(revisions, exported, at_work, offered)


def _key(job: str, batch: str, offer: Offer | None) -> str:
    """The run key of an offer; empty where there was none."""
    return "" if offer is None else f"{job}/{batch}/{offer.revision}/{offer.number}"


def _nothing(exhausted: list[str]) -> str:
    if not exhausted:
        return _NOTHING
    return (
        f"Asked for {MAX_OFFERS} times, and not exported; see why its runs fail, and run it "
        f"yourself: {', '.join(exhausted)}."
    )


def _exported_revision(instance: dg.DagsterInstance, job: ResolvedJob, batch: str) -> float | None:
    """The revision that the newest materialization of this batch says it holds."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=asset_key(job, "dead_letter_queue"), asset_partitions=[batch]
        ),
        limit=1,
    ).records
    event = found[0].asset_materialization if found else None
    value = event.metadata["revision"].value if event and "revision" in event.metadata else None
    return float(value) if isinstance(value, int | float) else None
