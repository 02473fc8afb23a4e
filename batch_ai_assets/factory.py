"""One job of the registry → its assets, checks, jobs, schedule and sensors. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from batch_ai_assets.arrival_sensor import arrival_sensor
from batch_ai_assets.asset_checks import input_checks, job_checks
from batch_ai_assets.assets import job_assets
from batch_ai_assets.assets.catalogue import asset_key
from batch_ai_assets.assets.overview import job_overview
from batch_ai_assets.chain_sensor import chain_sensor
from batch_ai_assets.dbt_checks import dbt_checks
from batch_ai_assets.decision_jobs import decision_jobs
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.order_jobs import order_jobs
from batch_ai_assets.plan_check import plan_check
from batch_ai_assets.run_tags import run_tags
from batch_ai_assets.schedules import AssetJob, batch_schedule


@dataclass(frozen=True, slots=True)
class JobDefinitions:
    """Everything Dagster gets of one job."""

    assets: tuple[dg.AssetsDefinition, ...]
    checks: tuple[dg.AssetChecksDefinition, ...]
    run: AssetJob
    """All eight assets and their checks, in one process."""
    export: AssetJob
    """`dead_letter_queue` alone."""
    decisions: tuple[dg.JobDefinition, ...]
    """What a person says of dead letters and reviews, from the Launchpad."""
    orders: tuple[dg.JobDefinition, ...]
    """Pause, resume and cancel, from the Launchpad."""
    schedule: dg.ScheduleDefinition | None
    sensors: tuple[dg.SensorDefinition, ...]
    """What starts it by itself, other than the clock."""

    @property
    def jobs(self) -> tuple[AssetJob | dg.JobDefinition, ...]:
        """All that stands in Dagster's list of jobs."""
        return (self.run, self.export, *self.decisions, *self.orders)


def job_definitions(job: ResolvedJob) -> JobDefinitions:
    """The definitions of one job; items run concurrently inside an asset, assets one by one."""
    assets = tuple(job_assets(job))
    own = (input_checks(job), plan_check(job), job_checks(job), dbt_checks(job))
    checks = tuple(one for one in own if one is not None)
    run = _asset_job(
        job,
        job.name,
        dg.AssetSelection.groups(job.name),
        f"Runs a whole batch: {job.spec.purpose}\n\n{job_overview(job)}",
    )
    export = _asset_job(
        job,
        f"{job.name}__dead_letters",
        dg.AssetSelection.assets(asset_key(job, "dead_letter_queue")).without_checks(),
        "Writes the dead letters of a batch again, after they changed.",
    )
    found = (arrival_sensor(job, run), chain_sensor(job, run))
    sensors = tuple(sensor for sensor in found if sensor is not None)
    return JobDefinitions(
        assets, checks, run, export, decision_jobs(job), order_jobs(job),
        batch_schedule(job, run), sensors,
    )  # fmt: skip


def _asset_job(
    job: ResolvedJob, name: str, selection: dg.AssetSelection, description: str
) -> AssetJob:
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        # Every run shows its job's tags as chips: what stewards filter by is on the assets.
        tags=run_tags(job.spec),
        executor_def=dg.in_process_executor,
    )
