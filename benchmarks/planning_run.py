"""One measured planning: rows of a Parquet file to manifest, claims, groups and shards.

A process of its own, because the most memory a process ever had is asked of the system at its end.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet  # noqa: F401 - imports are not part of the measure

from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets_tests.engine.world import world
from benchmarks.bare_loop import cpu_seconds
from benchmarks.runs import peak_bytes

GROUPS = [{"name": "short", "tokens_below": 40}, {"name": "long", "tokens_from": 120}]


def measure(rows: str) -> dict[str, float]:
    """CPU seconds, wall seconds and peak memory (bytes) of planning the rows of this file."""
    spec = {
        "input": {"path": rows, "format": "parquet", "updated_at": "written_at"},
        "batches": {"cadence": "daily", "window": "column"},  # so that items are claimed
        "groups": GROUPS,
        "shards": {"count": 50},
    }
    with tempfile.TemporaryDirectory() as home, world(Path(home), spec=spec) as here:
        run = Run("bench", "bench")
        cpu, wall = cpu_seconds(), time.perf_counter()
        raw = read_inputs(here.job, "2026-11-20", run, here.deps)
        plan = plan_work(here.job, "2026-11-20", run, here.deps, raw)
        return {
            "rows": raw.rows,
            "shards": plan.rows,
            "cpu_seconds": cpu_seconds() - cpu,
            "seconds": time.perf_counter() - wall,
            "peak_bytes": peak_bytes(),
        }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
