"""Drill `outage`: the provider goes away in the middle of a batch, and comes back.

The batch pauses with its place freed, asks nothing, and goes on by itself once the provider is
back: the daemon probes it. Nothing is lost, no document is given up, and people were told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from batch_ai_assets.local_provider.options import ServerOptions

from .children import DrillError, until
from .drill import Drill
from .fact import Fact, at_most, exactly
from .host import start_host
from .stage import BATCH, Stage

DOCUMENTS = 400
UNREACHABLE_SECONDS, WATCHED_SECONDS, RESUMED_SECONDS = 2.0, 3.0, 60.0


def facts(here: Stage) -> Iterator[Fact]:
    here.job(
        limits={"concurrency": 8},
        retry={
            "base_seconds": 0.1, "max_seconds": 0.5, "unreachable_seconds": UNREACHABLE_SECONDS,
        },
    )  # fmt: skip
    here.documents(DOCUMENTS)
    here.say(f"{DOCUMENTS} documents, run by the daemon")
    host = start_host(here)
    host.launch()
    here.answered(DOCUMENTS // 4, host.child)
    here.say("the provider is away")
    here.provider.outage(True)
    here.reached("paused: provider", 60)
    yield exactly("state of the batch", here.witness.state(BATCH), "paused: provider")
    calls = here.calls()
    time.sleep(WATCHED_SECONDS)
    yield exactly(f"calls in {WATCHED_SECONDS:g} s of the pause", here.calls() - calls, 0)
    yield exactly("alerts that the provider is away, open", _alerts(here, over=False), 1)

    here.say("it is back")
    here.provider.outage(False)
    back_at = time.monotonic()
    try:
        until(lambda: True if here.calls() > calls else None, "it to go on", RESUMED_SECONDS)
    except DrillError:
        yield Fact("asked again after, s", "never", f"<= {RESUMED_SECONDS:g}", False)
        return
    yield at_most("asked again after, s", round(time.monotonic() - back_at, 1), RESUMED_SECONDS)
    here.reached("completed", 90)
    ends, seen = here.witness.ends(BATCH), here.provider.stats()
    yield exactly("documents lost", DOCUMENTS - ends["valid"], 0)
    yield exactly("documents dead", ends["dead"], 0)
    yield exactly("documents paid twice", seen["answered_more_than_once"], 0)
    yield exactly("alerts that the provider is away, resolved", _alerts(here, over=True), 1)


def _alerts(here: Stage, *, over: bool) -> int:
    return sum(
        kind == "provider_away" and (resolved is not None) is over
        for kind, _, _, resolved in here.witness.alerts()
    )


OUTAGE = Drill(
    "outage",
    "A provider that goes away pauses its batch; it goes on by itself when that is back.",
    ServerOptions(model="stub", latency_ms=150),
    facts,
)
