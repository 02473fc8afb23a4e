"""The code location: registry → factory → one Definitions. Assembles, decides nothing.

Importing this module costs little and loads no data library: every run is a fresh process that
pays for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from batch_ai_assets import loaded_before  # noqa: F401 - before the rest
from batch_ai_assets.alert_sensor import alert_sensor
from batch_ai_assets.assets.costs import cost_report, cost_schedule
from batch_ai_assets.assets.governance import governance_report, governance_schedule
from batch_ai_assets.assets.registry import job_registry, registry_check
from batch_ai_assets.decision_sensor import decision_sensor
from batch_ai_assets.engine.spec.registry import BrokenJob, Registry, load_registry
from batch_ai_assets.factory import JobDefinitions, job_definitions
from batch_ai_assets.registry_sensor import registry_sensor
from batch_ai_assets.resources import platform_resources
from batch_ai_assets.resume_sensor import resume_sensor
from batch_ai_assets.sensors import dead_letter_sensor
from batch_ai_assets.settings import settings
from batch_ai_assets.watch_sensor import watch_sensor


def build_defs(
    registry: Registry | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """All definitions of the platform.

    registry: the jobs; read from the settings' registry folder where it is not given.
    resource_overrides: resources to use instead of the platform's own, by key.
    """
    known = registry or load_registry(settings().registry, prove_rules=False)
    with warnings.catch_warnings():
        # Partitioned asset checks are a preview feature; the version of Dagster is pinned.
        warnings.simplefilter("ignore", category=dg.PreviewWarning)
        known, made = _made(known)
        return dg.Definitions(
            assets=[
                job_registry(known),
                governance_report(),
                cost_report(known),
                *(asset for one in made.values() for asset in one.assets),
            ],
            asset_checks=[
                registry_check(known), *(check for one in made.values() for check in one.checks)
            ],
            jobs=[job for one in made.values() for job in one.jobs],
            schedules=[
                governance_schedule(),
                cost_schedule(),
                *(one.schedule for one in made.values() if one.schedule is not None),
            ],
            sensors=_sensors(known, made),
            # Items run concurrently inside an asset; a process per asset would only cost imports.
            executor=dg.in_process_executor,
            resources={**platform_resources(), **(resource_overrides or {})},
        )


def _made(registry: Registry) -> tuple[Registry, dict[str, JobDefinitions]]:
    """The definitions of every job; one that Dagster refuses is broken, and takes no other down."""
    made: dict[str, JobDefinitions] = {}
    broken: list[BrokenJob] = []
    for name, job in sorted(registry.jobs.items()):
        try:
            made[name] = job_definitions(job)
        except Exception as error:
            message = f"Dagster cannot take the job: {error}. Correct it in {job.folder}/job.yaml."
            broken.append(BrokenJob(name, f"{job.folder}/job.yaml", message))
    jobs = {name: registry.jobs[name] for name in made}
    return replace(registry, jobs=jobs, broken=(*registry.broken, *broken)), made


def _sensors(
    registry: Registry, made: Mapping[str, JobDefinitions]
) -> list[dg.SensorDefinition]:
    sensors = [registry_sensor(registry.folder), alert_sensor(), watch_sensor(registry.jobs)]
    if made:
        export_jobs = {name: one.export for name, one in made.items()}
        sensors.append(dead_letter_sensor(registry.jobs, export_jobs))
        run_jobs = {name: one.run for name, one in made.items()}
        sensors.append(decision_sensor(registry.jobs, run_jobs))
        sensors.append(resume_sensor(registry.jobs, run_jobs))
    return [*sensors, *(sensor for one in made.values() for sensor in one.sensors)]


defs = build_defs()
