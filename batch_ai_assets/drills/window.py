"""Drill `window`: the off-peak hours of a batch end while it is at work.

It pauses at their end, with all that was answered, and makes no call outside of them: not when it
is started again, either.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from batch_ai_assets.local_provider.options import ServerOptions

from .drill import Drill
from .fact import Fact, at_least, at_most, exactly
from .stage import BATCH, Stage

DOCUMENTS = 4_000
"""More than there is time for."""
ENOUGH_SECONDS = 20.0
"""For a run to begin before the hours end, at the next full minute."""


def facts(here: Stage) -> Iterator[Fact]:
    now = datetime.now(UTC)
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    if (end - now).total_seconds() < ENOUGH_SECONDS:
        end += timedelta(minutes=1)
    begin = now - timedelta(minutes=5)
    here.job(
        limits={"concurrency": 4},
        batches={"off_peak": {"from": f"{begin:%H:%M}", "until": f"{end:%H:%M}"}},
    )
    here.documents(DOCUMENTS)
    left = (end - now).total_seconds()
    here.say(f"{DOCUMENTS:,} documents, hours that end in {left:.0f} s")
    code = here.ran(left + 60)
    seen = here.provider.stats(items=False)
    yield exactly("exit code of the run: not complete", code, 1)
    yield exactly("state of the batch", here.witness.state(BATCH), "waiting: window")
    yield at_least("documents answered within the hours", int(seen["answers"]), 1)
    late = float(seen["last_call_at"]) - end.timestamp()
    yield at_most("last call after the end of the hours, s", round(late, 3), 0.0)
    here.ran()
    yield exactly("calls of a run outside of them", here.calls() - int(seen["calls"]), 0)
    yield exactly("state after it", here.witness.state(BATCH), "waiting: window")
    ends = here.witness.ends(BATCH)
    yield exactly("documents that are not lost", ends["pending"], DOCUMENTS)
    kept = here.witness.checkpoints(BATCH)
    yield exactly("answers kept, of those given", kept, here.answers())
    time.sleep(1.0)
    yield exactly("calls after all that", here.calls() - int(seen["calls"]), 0)


WINDOW = Drill(
    "window",
    "At the end of its off-peak hours a batch pauses; no call is made outside of them.",
    ServerOptions(model="stub", latency_ms=200),
    facts,
)
