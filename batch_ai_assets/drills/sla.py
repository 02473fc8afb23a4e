"""Drill `sla`: a batch that cannot make its deadline, watched from its trigger to its late end.

At 70, 90 and 100 % of its time people are told, once each, though every look is a process of its
own; the run is hurried within its limits; those who read the results are told what is there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from batch_ai_assets.local_provider.options import ServerOptions

from .drill import Drill
from .fact import Fact, at_least, at_most, exactly
from .stage import BATCH, JOB, Stage

DOCUMENTS, WITHIN_SECONDS = 300, 30
CONCURRENCY, MOST = 2, 4
LOOKS = 90
"""More than there is time for."""


def facts(here: Stage) -> Iterator[Fact]:
    here.job(
        limits={"concurrency": CONCURRENCY, "most_concurrency": MOST},
        sla={"within": f"{WITHIN_SECONDS}s"},
    )
    here.documents(DOCUMENTS)
    here.say(f"{DOCUMENTS} documents, due in {WITHIN_SECONDS} s, which is not enough")
    run = here.run()
    event: dict[str, Any] = {}
    for _ in range(LOOKS):
        here.done("watch")
        if not event and (found := _event(here)):
            event = found
            here.say("it is late, and its readers were told")
        if run.code is not None:
            break
    yield exactly("exit code of the run", run.wait(60), 0)
    said = _said(here)
    counts = Counter((line["kind"], line["change"]) for line in said)
    for share, kind, change in _STEPS:
        yield exactly(f"told at {share} % ({kind})", counts[kind, change], 1)
        first = next((one for one in said if (one["kind"], one["change"]) == (kind, change)), None)
        elapsed = first["figures"]["elapsed_share"] if first else 0.0
        yield at_least(f"share of its time that was gone, {share} %", round(elapsed, 3),
                       share / 100)  # fmt: skip
    yield exactly("resolved once it was complete", counts["sla_missed", "resolved"], 1)
    most = int(here.provider.stats(items=False)["max_in_flight"])
    yield Fact("calls in flight, the most", most, f"{CONCURRENCY + 1} to {MOST}",
               CONCURRENCY < most <= MOST)  # fmt: skip
    yield from _about(event, here)


_STEPS = ((70, "sla_at_risk", "opened"), (90, "sla_at_risk", "grew"), (100, "sla_missed", "opened"))


def _about(event: dict[str, Any], here: Stage) -> Iterator[Fact]:
    """What readers were told when it was late, and after it."""
    yield exactly("event for readers", event.get("kind", "none"), "late")
    counts = event.get("counts") or {}
    answered = int(counts.get("answered", -1))
    yield Fact("event: documents answered by then", answered, f"1 to {DOCUMENTS - 1}",
               0 < answered < DOCUMENTS)  # fmt: skip
    delay = event.get("expected_delay_seconds")
    yield at_least("event: expected delay, s", -1.0 if delay is None else delay, 0.0)
    rows = here.witness.rows("SELECT kind FROM consumer_events WHERE batch = ?", BATCH)
    kinds = ", ".join(sorted(str(kind) for (kind,) in rows))
    yield exactly("events, of each kind one", kinds, "arrived, late")
    yield at_most("documents without a result", DOCUMENTS - here.witness.ends(BATCH)["valid"], 0)


def _event(here: Stage) -> dict[str, Any]:
    path = here.home / "data" / JOB / "results" / BATCH / "_event.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _said(here: Stage) -> list[dict[str, Any]]:
    """The outbox, in order."""
    path = here.home / "alerts" / "outbox.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


SLA = Drill(
    "sla",
    "A late batch is told of at 70, 90 and 100 % of its time, once each; its readers know.",
    ServerOptions(model="stub", latency_ms=400),
    facts,
)
