"""One measured run of the engine, every promise switched on: from pending items to answers.

Planning is done before the clock starts and publishing after it stops: the reference does neither.
"""

import json
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import cast
from unittest.mock import patch

import batch_ai_assets.engine.inference.by_aiohttp  # imports are not part of the measure
import batch_ai_assets.engine.inference.by_pyreqwest  # noqa: F401
from batch_ai_assets.engine.asking import ask
from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets.engine.control.budget import Bound, Purse
from batch_ai_assets.engine.endpoint import Carrier, Endpoint
from batch_ai_assets.engine.inference.lookup import look_up_model
from batch_ai_assets_tests.engine.world import message, world
from benchmarks.bare_loop import cpu_seconds


class Endless(Purse):
    """Counts what is spent, and asks nobody."""

    def reserve(self, bound: Bound) -> bool:
        self.in_flight += 1
        return True


def without_accounts() -> AbstractContextManager[object]:
    """The engine as it is, but nothing is drawn on accounts."""
    where = "batch_ai_assets.engine.inference.run"
    return patch.multiple(where, Purse=Endless, Till=lambda *_: None)


def measure(url: str, concurrency: int, items: int, carrier: Carrier) -> dict[str, float]:
    spec = {"limits": {"concurrency": concurrency}, "budget": {"limit_usd": 1000.0}}
    with (
        tempfile.TemporaryDirectory() as home,
        world(Path(home), url, spec, carrier=carrier) as here,
    ):
        here.write_messages(message(number) for number in range(items))
        run = Run("bench", "bench")
        raw = read_inputs(here.job, "b1", run, here.deps)
        plan_work(here.job, "b1", run, here.deps, raw)
        plan = here.deps.store.batches.latest_plan(here.job.name, "b1")
        assert plan is not None
        look_up_model(here.job, Endpoint(url))  # imports what the run will need for it
        before = cpu_seconds()
        ask(here.job, plan, raw, run, here.deps)
        seconds = cpu_seconds() - before
        answered = here.deps.store.figures(here.job.name, "b1").answered
    return {"answered": answered, "cpu_seconds": seconds}


if __name__ == "__main__":
    url, in_flight, items, carrier, *ledger = sys.argv[1:]
    with without_accounts() if ledger == ["off"] else nullcontext():
        print(json.dumps(measure(url, int(in_flight), int(items), cast(Carrier, carrier))))
