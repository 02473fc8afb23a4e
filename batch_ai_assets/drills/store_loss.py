"""Drill `store-loss`: the state store goes away in the middle of a batch, and comes back.

For a while the run waits: no call leaves whose answer could not be kept. Then it stops, and says
so in the outbox file, since nothing else can be reached. Once the store is back the batch goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from batch_ai_assets.local_provider.options import ServerOptions

from .children import until
from .drill import Drill
from .fact import Fact, at_most, exactly
from .stage import BATCH, Stage

DOCUMENTS, IN_FLIGHT, LATENCY_MS = 400, 8, 150.0
NOTICED_SECONDS, WATCHED_SECONDS, ALERT_SECONDS = 4.0, 3.0, 120.0


def facts(here: Stage) -> Iterator[Fact]:
    here.job(limits={"concurrency": IN_FLIGHT})
    here.documents(DOCUMENTS)
    here.say(f"{DOCUMENTS} documents")
    run = here.run()
    here.answered(DOCUMENTS // 3, run)
    here.say("the folder of the state store is taken away, until the run says so")
    with _taken_away(here):
        away_at = time.monotonic()
        time.sleep(NOTICED_SECONDS)
        calls = here.calls()
        time.sleep(WATCHED_SECONDS)
        waited = here.calls() - calls
        alert = until(lambda: _first_alert(here), "an alert in the outbox", ALERT_SECONDS)
        told_after = time.monotonic() - away_at
    yield exactly(f"calls in {WATCHED_SECONDS:g} s while it was away", waited, 0)
    yield exactly("alert in the outbox file", alert, "state_store")
    yield at_most("told after, s", round(told_after, 1), ALERT_SECONDS)

    here.say("it is back")
    yield exactly("exit code of the run", run.wait(90), 1)
    yield exactly("exit code of the next run", here.ran(90), 0)
    ends, seen = here.witness.ends(BATCH), here.provider.stats()["items"]
    yield exactly("documents lost", DOCUMENTS - ends["valid"], 0)
    twice = sum(max(0, item["answers"] - 1) for item in seen.values())
    rate = IN_FLIGHT / (LATENCY_MS / 1000)
    yield at_most("documents paid twice (in flight + rate x 1 s)", twice, IN_FLIGHT + rate)


@contextmanager
def _taken_away(here: Stage) -> Iterator[None]:
    store = here.home / "state"
    away = here.folder / "elsewhere"
    store.rename(away)
    try:
        yield
    finally:
        if store.exists():  # whatever was made there in the meantime is not the store
            store.rename(here.folder / "not-the-store")
        away.rename(store)


def _first_alert(here: Stage) -> str | None:
    """What the first line of the outbox is about."""
    path = here.home / "alerts" / "outbox.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return str(json.loads(lines[0])["kind"]) if lines else None


STORE_LOSS = Drill(
    "store-loss",
    "Without its state store a batch waits, then stops and says so; nothing is lost.",
    ServerOptions(model="stub", latency_ms=LATENCY_MS),
    facts,
)
