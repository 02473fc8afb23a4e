"""When the dead-letter asset is written again by itself: a pure decision and its Dagster shell.

A run exports its dead letters at its end. They change later too (a replay, a person who discards
one): then the sensor asks for a new export.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

MAX_OFFERS = 3
"""Exports asked for at most so often per revision; a failing one does not run for ever."""

_NOTHING = "No dead letter has changed since it was exported: nothing is to be written again."
_AT_WORK = ("planned", "running", "waiting")


@dataclass(frozen=True, slots=True)
class Offer:
    """An export that was asked for: of which revision, and for the how-many-th time."""

    revision: float
    number: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Which batches to export now, and what to remember for the next tick."""

    export: Mapping[str, Offer]
    remember: Mapping[str, Offer] = field(default_factory=dict)


def decide(
    revisions: Mapping[str, float],
    exported: Mapping[str, float],
    at_work: frozenset[str],
    offered: Mapping[str, Offer],
) -> Decision:
    """Export batches whose dead letters are newer than the published ones and that nobody works on.

    `revisions` and `exported` are by batch; a batch that was never exported is not in `exported`.
    An offer is repeated until its export is there, `MAX_OFFERS` times; the number goes into the
    run key, because Dagster remembers a run key for ever, failed runs included.
    """
    export: dict[str, Offer] = {}
    remember: dict[str, Offer] = {}
    for batch, revision in sorted(revisions.items()):
        if revision <= exported.get(batch, float("-inf")):
            continue
        before = offered.get(batch)
        number = before.number if before and before.revision == revision else 0
        if batch in at_work or number >= MAX_OFFERS:
            if number:
                remember[batch] = Offer(revision, number)
            continue
        export[batch] = remember[batch] = Offer(revision, number + 1)
    return Decision(export, remember)


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
        known = _read_cursor(context.cursor)
        requests: list[dg.RunRequest] = []
        remembered: dict[str, dict[str, Offer]] = {}
        for name, job in jobs.items():
            decision = _decide_for(context.instance, job, deps, known.get(name, {}))
            remembered[name] = dict(decision.remember)
            requests += [
                dg.RunRequest(
                    run_key=f"{name}/{batch}/{offer.revision}/{offer.number}",
                    job_name=export_jobs[name].name,
                    partition_key=batch,
                )
                for batch, offer in decision.export.items()
            ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _NOTHING,
            cursor=_write_cursor(remembered),
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
    at_work = frozenset(batch for batch in revisions if _is_at_work(deps, job.name, batch))
    return decide(revisions, exported, at_work, offered)


def _is_at_work(deps: Deps, job: str, batch: str) -> bool:
    state = deps.store.batches.state(job, batch)
    return state in _AT_WORK or deps.store.leases.holder(job, batch) is not None


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


def _read_cursor(cursor: str | None) -> dict[str, dict[str, Offer]]:
    if not cursor:
        return {}
    return {
        job: {batch: Offer(float(pair[0]), int(pair[1])) for batch, pair in rows.items()}
        for job, rows in json.loads(cursor).items()
    }


def _write_cursor(offers: Mapping[str, Mapping[str, Offer]]) -> str:
    return json.dumps(
        {
            job: {batch: [offer.revision, offer.number] for batch, offer in rows.items()}
            for job, rows in offers.items()
            if rows
        },
        sort_keys=True,
    )
