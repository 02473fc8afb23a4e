"""One measured run of the online path: planned by one process, asked by another, whose most memory
counts.

Asking is a process of its own because the most memory that a process ever had is asked of the
system at its end, and planning has a measure of its own.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from batch_ai_assets.engine.asking import ask
from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets_tests.engine.world import World, message, world
from benchmarks.runs import peak_bytes

SPEC = {"limits": {"concurrency": 64}, "budget": {"limit_usd": 1000.0}}
RUN = Run("bench", "bench")


def plan(here: World, items: int) -> None:
    here.write_messages(message(number) for number in range(items))
    raw = read_inputs(here.job, "b1", RUN, here.deps)
    plan_work(here.job, "b1", RUN, here.deps, raw)


def asked(here: World) -> dict[str, int]:
    plan = here.deps.store.batches.latest_plan(here.job.name, "b1")
    assert plan is not None
    ask(here.job, plan, here.deps.tables.open(plan.raw_path), RUN, here.deps)
    peak = peak_bytes()
    answered = here.deps.store.figures(here.job.name, "b1").answered
    return {"answered": answered, "peak_bytes": peak}


if __name__ == "__main__":
    url, what, *home = sys.argv[1:]
    if home:
        with world(Path(home[0]), url, SPEC) as here:
            print(json.dumps(asked(here)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            with world(Path(folder), url, SPEC) as here:
                plan(here, int(what))
            command = [sys.executable, "-m", "benchmarks.memory_run", url, "ask", folder]
            subprocess.run(command, check=True)
