"""Measured runs of a batch without documents, one after the other in a process of their own.

    python -m benchmarks.empty_run plain HOME      eight empty Dagster assets in a row
    python -m benchmarks.empty_run checked HOME    the same with as many empty checks as a job has
    python -m benchmarks.empty_run platform HOME   the eight assets of a job, with all their checks

On an instance on disk. The first run is paid for by imports and by the making of the instance, so
it stands apart: the later ones are what a run costs without its imports.
"""

import json
import logging
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

RUNS = 4
"""After the first one."""


def cpu_seconds() -> float:
    """Of this process since it began, its threads and its children."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, who))


def plain(home: Path) -> None:
    """A run of eight assets in which nothing is done."""
    _dagster_alone(home, {})


def checked(home: Path) -> None:
    """The same, with a step of empty checks on the first asset and one on the fourth."""
    from batch_ai_assets.asset_checks import CHECKS, INPUT_CHECKS

    _dagster_alone(home, {0: len(INPUT_CHECKS), 3: len(CHECKS)})


def _dagster_alone(home: Path, checks: Mapping[int, int]) -> None:
    """`checks`: how many the asset with this number has."""
    from batch_ai_assets.commands.dagster_seam import begin_run, carry_out, open_instance

    from .eight_assets import JOB, eight_assets

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    home.mkdir(parents=True, exist_ok=True)
    batch = uuid4().hex
    with open_instance(str(home)) as instance:
        instance.add_dynamic_partitions(JOB, [batch])
        asset_job = eight_assets(checks).resolve_job_def(JOB)
        tags = {"dagster/partition": batch}
        run = begin_run(instance, asset_job, str(uuid4()), tags, quiet)
        assert all(not event.is_failure for event in carry_out(instance, asset_job, run))


def registry_of(home: Path) -> Path:
    """Where the platform's one job lies."""
    return home.parent / f"{home.name}-registry"


def platform(home: Path) -> None:
    """The same through the platform: a job whose inbox holds an empty file."""
    from batch_ai_assets.commands.dagster_run import Ending, run_batch_in_process
    from batch_ai_assets.connections import no_progress
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.run_tags import way_to_run
    from batch_ai_assets_tests.jobs import job_file, write_documents, write_registry

    from .eight_assets import JOB

    folder = registry_of(home)
    write_registry(folder, job_file(JOB))
    write_documents(home, JOB, {}).write_text("")
    registry = load_registry(folder, prove_rules=False)
    job, way = registry.jobs[JOB], way_to_run("resume", None)
    outcome = run_batch_in_process(registry, job, uuid4().hex, way, no_progress)
    assert outcome.ending is Ending.COMPLETED, outcome.message


def measure(kind: str, home: Path) -> dict[str, object]:
    """CPU seconds of the first run with its imports, and of each one after it."""
    run = {"plain": plain, "checked": checked, "platform": platform}[kind]
    os.environ["BATCH_AI_HOME"] = str(home)
    run(home)
    first = cpu_seconds()
    later = []
    for _ in range(RUNS):
        before = cpu_seconds()
        run(home)
        later.append(cpu_seconds() - before)
    return {"first": first, "later": later}


if __name__ == "__main__":
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    logging.disable(logging.CRITICAL)
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]).resolve())))
