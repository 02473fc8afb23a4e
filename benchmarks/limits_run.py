"""One batch in a process of its own, asked until its parent has measured enough.

Says `ready` when everything is planned, begins when it reads a line, drains when its standard
input ends.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import openai.resources.models  # noqa: F401 - imports are not part of the measure

from batch_ai_assets.engine.asking import ask
from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets.engine.errors import BatchInterrupted
from batch_ai_assets_tests.engine.world import message, world


def carry_on(order: dict[str, Any]) -> None:
    """Ask about `items` messages, or as many as there is time for."""
    name = order["job"]
    spec = {
        "job": name,
        "input": {"path": f"{{home}}/inbox/{name}.jsonl", "format": "jsonl"},
        "limits": {"concurrency": order["concurrency"]},
        "budget": {"limit_usd": 1000.0},
        "early_stop": {"canary_items": 0},
    }
    with world(Path(order["home"]), order["url"], spec, {"limits": order["limits"]}) as here:
        here.write_messages(
            (
                message(number, f"of {name} " + "and more " * (number * 7 % 20))
                for number in range(order["items"])
            ),
            f"{name}.jsonl",
        )
        run = Run(name, "bench")
        raw = read_inputs(here.job, "b1", run, here.deps)
        plan_work(here.job, "b1", run, here.deps, raw)
        plan = here.deps.store.batches.latest_plan(name, "b1")
        assert plan is not None
        print("ready", flush=True)
        sys.stdin.readline()
        threading.Thread(target=_drain_at_end_of_input, daemon=True).start()
        try:
            ask(here.job, plan, raw, run, here.deps)
        except BatchInterrupted:
            counts = here.deps.store.figures(name, "b1").conservation
            print(json.dumps({"lost": order["items"] - counts.pending}))


def _drain_at_end_of_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    carry_on(json.loads(sys.argv[1]))
