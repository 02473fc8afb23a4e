"""Measured runs of a batch without documents, in a process of their own.

    python -m benchmarks.empty_run plain HOME      eight empty Dagster assets in a row
    python -m benchmarks.empty_run checked HOME    the same with as many empty checks as a job has
    python -m benchmarks.empty_run platform HOME   the eight assets of a job, with all their checks

Both in one process, on an instance on disk, as a run is that a person starts at the command line.
The first run is paid for by imports and by the making of the instance, so it stands apart.
"""

import json
import logging
import os
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import dagster as dg

JOB = "empty"
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
    import dagster as dg

    from batch_ai_assets.commands.dagster_seam import begin_run, carry_out, open_instance

    batches = dg.DynamicPartitionsDefinition(name=JOB)
    assets: list[dg.AssetsDefinition] = []
    for number in range(8):

        @dg.asset(name=f"a{number}", partitions_def=batches, deps=assets[-1:])
        def body() -> None:
            """Nothing."""

        assets.append(body)
    made = dg.Definitions(
        assets=assets,
        asset_checks=[
            _empty_checks(assets[number].key, count, batches) for number, count in checks.items()
        ],
        jobs=[dg.define_asset_job(JOB, selection=dg.AssetSelection.all())],
        executor=dg.in_process_executor,
    )
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    home.mkdir(parents=True, exist_ok=True)
    batch = uuid4().hex
    with open_instance(str(home)) as instance:
        instance.add_dynamic_partitions(JOB, [batch])
        asset_job = made.resolve_job_def(JOB)
        tags = {"dagster/partition": batch}
        run = begin_run(instance, asset_job, str(uuid4()), tags, quiet)
        assert all(not event.is_failure for event in carry_out(instance, asset_job, run))


def _empty_checks(
    asset: "dg.AssetKey", count: int, batches: "dg.PartitionsDefinition[str]"
) -> "dg.AssetChecksDefinition":
    import dagster as dg

    names = [f"c{number}" for number in range(count)]

    @dg.multi_asset_check(
        name=f"checks_of_{asset.path[-1]}",
        specs=[dg.AssetCheckSpec(name, asset=asset, partitions_def=batches) for name in names],
    )
    def body() -> Iterator[dg.AssetCheckResult]:
        for name in names:
            yield dg.AssetCheckResult(asset_key=asset, check_name=name, passed=True)

    return body


def platform(home: Path) -> None:
    """The same through the platform: a job whose inbox holds an empty file."""
    from batch_ai_assets.commands.dagster_run import Ending, run_batch_in_process
    from batch_ai_assets.connections import no_progress
    from batch_ai_assets.engine.spec.registry import load_registry
    from batch_ai_assets.run_tags import way_to_run
    from batch_ai_assets_tests.jobs import job_file, write_documents, write_registry

    folder = home.parent / f"{home.name}-registry"
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
