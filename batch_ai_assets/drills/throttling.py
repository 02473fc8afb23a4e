"""Drill `throttling`: a provider that grants less than is asked, and says 429 to the rest.

Throttling is waited out: it costs no document one of its attempts, and none is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_ai_assets.local_provider.options import ServerOptions

from .drill import Drill
from .fact import Fact, at_least, at_most, exactly
from .stage import BATCH, Stage

DOCUMENTS, EVERY = 300, 20
STORM = "[[stub:429(0.2),ok]]"
"""What every twentieth document meets, beside the provider's limit."""
RPM = 1_500


def facts(here: Stage) -> Iterator[Fact]:
    here.job(limits={"concurrency": 32}, retry={"max_attempts": 1})
    here.say(f"{DOCUMENTS} documents of one attempt each, {RPM} calls a minute, and refusals")
    here.documents(DOCUMENTS, STORM, every=EVERY)
    code = here.ran()
    seen = here.provider.stats()
    ends = here.witness.ends(BATCH)
    answers = [item["answers"] for item in seen["items"].values()]
    yield exactly("exit code of the run", code, 0)
    yield at_least("calls refused with 429", seen["by_status"].get("429", 0), DOCUMENTS // EVERY)
    yield exactly("documents lost", DOCUMENTS - ends["valid"], 0)
    yield exactly("documents dead", ends["dead"], 0)
    yield exactly("attempts used up by throttling", here.witness.attempts_used(BATCH) - 1, 0)
    yield exactly("documents paid twice", sum(count > 1 for count in answers), 0)
    span = seen["last_answer_at"] - seen["first_answer_at"]
    yield at_most("answers a minute, of those granted", len(answers) / max(span, 1.0) * 60,
                  RPM * 1.1)  # fmt: skip


THROTTLING = Drill(
    "throttling",
    "A storm of 429 is waited out: nothing is lost, and no attempt is used up.",
    ServerOptions(model="stub", latency_ms=10, rpm=RPM),
    facts,
)
