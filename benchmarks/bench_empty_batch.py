"""What a batch costs that has nothing to do: a run of the platform over one of Dagster alone.

Every run of Dagster's is a process of its own, so the first line measures both sides as Dagster
starts them, from their first import to their exit: `dagster job execute`, interleaved, CPU by
`getrusage` of the child, each run with a batch of its own. Homes are warm, as a nightly run finds
them: instance, keys and state store are there, earlier batches are in them, the byte code is
written. The same without imports is in the details.

dbt is left out of the ratio, since a home can do without it; its seconds, of later runs in one
process, stand in a line of their own.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from .empty_run import registry_of
from .measure import Measure, show
from .runs import ROUNDS, children_cpu, fresh, in_rounds, median_ratio

SIDES = {"plain": "false", "platform": "false", "dbt": "true"}
INSTANCE = Path(__file__).parents[1] / "dagster.yaml"


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        homes = {name: Path(folder) / name for name in SIDES}
        homes["plain"].mkdir()
        shutil.copy(INSTANCE, homes["plain"])  # the platform puts it into its own
        within = in_rounds(*(lambda name=name: _run(name, homes[name]) for name in SIDES), rounds=3)
        plain, platform = in_rounds(
            lambda: _launch("benchmarks.eight_assets", homes["plain"], homes["plain"]),
            lambda: _launch(
                "batch_ai_assets.definitions", homes["platform"] / "dagster", homes["platform"]
            ),
            rounds=1 + ROUNDS,
        )
    alone, ours, with_dbt = ([median(one["later"]) for one in side] for side in within)
    yield Measure(
        "empty batch: CPU over a run of eight empty assets",
        figure=median_ratio(platform[1:], plain[1:]),  # the first ones wrote the byte code
        bar=1.5,
        open=None,
        details={
            "plain": plain[1:],
            "platform": platform[1:],
            "without_imports": {
                "figure": median_ratio(ours, alone), "plain": within[0], "platform": within[1]
            },
        },
    )  # fmt: skip
    yield Measure(
        "empty batch: CPU that dbt adds",
        figure=median(with_dbt) - median(ours),
        bar=15.0,
        open=None,
        unit="s",
        details={"dbt": within[2]},
    )


def _run(name: str, home: Path) -> Any:
    os.environ["BATCH_AI_DBT"] = SIDES[name]
    return fresh("empty_run", "plain" if name == "plain" else "platform", home)


def _launch(module: str, instance: Path, home: Path) -> float:
    """CPU seconds of one run of the job in this code location, for a batch that is new."""
    from batch_ai_assets.commands.dagster_seam import open_instance

    from .eight_assets import JOB

    batch = uuid4().hex
    with open_instance(str(instance)) as opened:
        opened.add_dynamic_partitions(JOB, [batch])
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(instance),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "BATCH_AI_HOME": str(home),
        "BATCH_AI_REGISTRY": str(registry_of(home)),
        "BATCH_AI_DBT": "false",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    tags = json.dumps({"dagster/partition": batch})
    execute = ("-m", "dagster", "job", "execute", "-m", module, "-j", JOB, "--tags", tags)
    return children_cpu([sys.executable, *execute], environment)


if __name__ == "__main__":
    show(measures())
