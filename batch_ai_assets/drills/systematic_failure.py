"""Drill `systematic-failure`: answers are useless, in one batch from the start, in one later on.

A batch whose answers are useless from the start is stopped after its canary; one whose failures
are fewer is stopped after the primary pass, before the retry sweep would pay for them again.
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_ai_assets.local_provider.options import ServerOptions

from .drill import Drill
from .fact import Fact, at_most, exactly
from .stage import BATCH, Stage

DOCUMENTS, CANARY, IN_FLIGHT = 400, 20, 8
LATER = "later"
USELESS, REFUSED = "[[stub:taxonomy]]", "[[stub:500]]"
HALTED = "halted: systematic_failure"


def facts(here: Stage) -> Iterator[Fact]:
    here.job(
        limits={"concurrency": IN_FLIGHT},
        early_stop={"canary_items": CANARY, "min_items": 100},
        input={"path": "{home}/inbox/drill", "format": "jsonl", "glob": "*.jsonl"},
    )
    here.say(f"{DOCUMENTS} documents, every answer outside of the taxonomy")
    here.documents(DOCUMENTS, USELESS)
    code = here.ran()
    asked = int(here.provider.stats()["distinct_items"])
    yield exactly("canary: exit code of the run", code, 1)
    yield exactly("canary: state of the batch", here.witness.state(BATCH), HALTED)
    yield at_most("canary: documents asked of 400 (canary + in flight)", asked, CANARY + IN_FLIGHT)
    yield exactly("canary: documents with an end", DOCUMENTS - _pending(here, BATCH), 0)

    here.say(f"{DOCUMENTS} documents, every tenth refused with status 500")
    ids = here.documents(DOCUMENTS, REFUSED, every=10)
    here.provider.reset_stats()
    code = here.done("run", "drill", "--batch", LATER)
    seen = here.provider.stats()["items"]
    again = [one for one in ids[CANARY:] if seen[one]["calls"] > 1]
    yield exactly("sweep: exit code of the run", code, 1)
    yield exactly("sweep: state of the batch", here.witness.state(LATER), HALTED)
    yield exactly("sweep: documents asked in the primary pass", len(seen), DOCUMENTS)
    yield exactly("sweep: documents beyond the canary asked again", len(again), 0)
    said = here.witness.message(LATER)
    yield Fact("sweep: what people are told", said[:60] + "…", "names the most common message",
               "Most common" in said)  # fmt: skip


def _pending(here: Stage, batch: str) -> int:
    return here.witness.ends(batch)["pending"]


SYSTEMATIC_FAILURE = Drill(
    "systematic-failure",
    "Answers that are useless throughout stop the batch before they are paid for in bulk.",
    ServerOptions(model="stub", latency_ms=20),
    facts,
)
