"""Drill `budget`: answers cost more than was estimated, and the money runs out in mid-batch.

No call leaves after the halt, the provider's own count stays within the limit, and one approval
lets the batch go on to its end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from batch_ai_assets.local_provider.options import ServerOptions

from .drill import Drill
from .fact import Fact, at_least, at_most, exactly
from .stage import BATCH, JOB, Stage

DOCUMENTS = 300
TWICE = "[[stub:schema,ok]]"
"""The first answer to each document is paid for and useless."""
LIMIT_USD, APPROVED_USD = 0.03, 1.0
WATCHED_SECONDS = 3.0


def facts(here: Stage) -> Iterator[Fact]:
    here.job(
        limits={"concurrency": 8},
        budget={"limit_usd": LIMIT_USD},
        early_stop={"canary_items": 0, "failed": 1.0},
    )
    here.documents(DOCUMENTS, TWICE)
    here.say(f"{DOCUMENTS} documents on {LIMIT_USD} USD, each answered twice")
    code = here.ran()
    calls = here.calls()
    yield exactly("exit code of the run", code, 1)
    yield exactly("state of the batch", here.witness.state(BATCH), "halted: budget")
    yield at_least("documents answered before", here.answers(), 1)
    time.sleep(WATCHED_SECONDS)
    yield exactly(f"calls in the {WATCHED_SECONDS:g} s after the halt", here.calls() - calls, 0)
    yield at_most("spent by the provider's count, USD", here.spent_usd(), LIMIT_USD)
    here.ran()
    yield at_most("the same after another run, without an approval", here.spent_usd(), LIMIT_USD)

    here.say(f"approved: {APPROVED_USD} USD")
    code = here.done(
        "approve", JOB, BATCH, "--limit-usd", str(APPROVED_USD), "--reason", "a drill",
        "--by", "drill",
    )  # fmt: skip
    yield exactly("exit code of the approval", code, 0)
    yield exactly("exit code of the run after it", here.ran(), 0)
    yield exactly("documents with a valid result", here.witness.ends(BATCH)["valid"], DOCUMENTS)
    yield at_most("spent in the end, USD", here.spent_usd(), APPROVED_USD)


BUDGET = Drill(
    "budget",
    "At its limit a batch stops: no further call, never more spent; an approval lets it go on.",
    ServerOptions(model="stub", latency_ms=50),
    facts,
)
