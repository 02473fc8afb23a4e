"""Drills `worker-loss` and `host-loss`: processes die with -9 in the middle of a batch.

First the process of the run alone, then the run, the code server, the UI and the daemon together.
Nobody lends a hand: what goes on, goes on by itself. Lost is nothing; paid twice is at most what
was in flight and what had been answered since the last commit.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

from batch_ai_assets.local_provider.options import ServerOptions

from .children import DrillError, until
from .drill import Drill
from .fact import Fact, at_most, exactly
from .host import Host, start_host
from .stage import BATCH, Stage

DOCUMENTS, IN_FLIGHT, LATENCY_MS = 480, 8, 200.0
RATE = IN_FLIGHT / (LATENCY_MS / 1000)
"""The most answers a second."""
RESUMED_SECONDS = 120.0
DEAD_SECONDS = 2.0


def worker_loss(here: Stage) -> Iterator[Fact]:
    host = _begin(here)
    worker = host.worker(host.launch())
    exposed = _exposed_until(here, DOCUMENTS // 3, lambda: os.kill(worker, signal.SIGKILL))
    here.say(f"kill -9 of the run's process, {worker}")
    yield from _goes_on(here, time.monotonic(), exposed)


def host_loss(here: Stage) -> Iterator[Fact]:
    host = _begin(here)
    host.launch()
    exposed = _exposed_until(here, DOCUMENTS // 3, host.child.kill)
    here.say("kill -9 of run, code server, UI and daemon together")
    time.sleep(0.2)
    calls = here.calls()
    time.sleep(DEAD_SECONDS)
    yield exactly(f"calls in {DEAD_SECONDS:g} s while all is dead", here.calls() - calls, 0)
    here.say("the machine is back")
    back_at = time.monotonic()
    start_host(here)
    yield from _goes_on(here, back_at, exposed)


def _begin(here: Stage) -> Host:
    here.job(limits={"concurrency": IN_FLIGHT})
    here.documents(DOCUMENTS)
    here.say(f"{DOCUMENTS} documents, run by the daemon")
    return start_host(here)


def _exposed_until(here: Stage, answers: int, kill: Callable[[], None]) -> float:
    """Kill once there are so many answers. The longest time that an answer was not committed yet:
    interval between commits + commit time, looked at from outside; up to the death."""
    longest, committed, changed_at = 0.0, 0, None
    deadline = time.monotonic() + 120
    while here.answers() < answers and time.monotonic() < deadline:
        now = here.witness.checkpoints(BATCH)
        if now != committed:
            longest = max(longest, time.monotonic() - (changed_at or time.monotonic()))
            committed, changed_at = now, time.monotonic()
        time.sleep(0.01)
    kill()
    return max(longest, time.monotonic() - (changed_at or time.monotonic()))


def _goes_on(here: Stage, back_at: float, exposed: float) -> Iterator[Fact]:
    """From here on nobody does anything."""
    time.sleep(0.2)  # what the dead process had sent has come in
    calls, answered = here.calls(), here.answers()
    try:
        until(lambda: True if here.calls() > calls else None, "it to go on", RESUMED_SECONDS)
    except DrillError:
        yield Fact("asked again after, s", "never", f"<= {RESUMED_SECONDS:g}", False)
        return
    yield at_most("asked again after, s", round(time.monotonic() - back_at, 1), RESUMED_SECONDS)
    yield exactly("documents not answered when it died", answered < DOCUMENTS, True)
    here.reached("completed", 120)
    ends, seen = here.witness.ends(BATCH), here.provider.stats()["items"]
    twice = sum(max(0, item["calls"] - 1) for item in seen.values())
    yield exactly("documents lost", DOCUMENTS - ends["valid"], 0)
    yield at_most("calls made twice (in flight + rate x (interval + commit))", twice,
                  round(IN_FLIGHT + RATE * exposed, 1))  # fmt: skip
    yield exactly("runs that asked the provider", here.witness.runs_at_work(BATCH), 2)


_PROVIDER = ServerOptions(model="stub", latency_ms=LATENCY_MS)
WORKER_LOSS = Drill(
    "worker-loss",
    "A run's process is killed: the batch goes on by itself, and hardly anything is paid twice.",
    _PROVIDER,
    worker_loss,
)
HOST_LOSS = Drill(
    "host-loss",
    "Run, code server and daemon are killed together: once they are back the batch goes on.",
    _PROVIDER,
    host_loss,
)
