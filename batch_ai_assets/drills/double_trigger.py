"""Drill `double-trigger`: the same batch is started twice at the same moment.

One run holds the batch and works; the other waits, finds it done, and pays for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from batch_ai_assets.local_provider.options import ServerOptions

from .drill import Drill
from .fact import Fact, at_most, exactly
from .stage import BATCH, Stage

DOCUMENTS = 300


def facts(here: Stage) -> Iterator[Fact]:
    here.job(limits={"concurrency": 8})
    here.documents(DOCUMENTS)
    here.say(f"two runs of one batch of {DOCUMENTS} documents, at once")
    runs = [here.run(), here.run()]
    codes = [run.wait(90) for run in runs]
    seen = here.provider.stats()
    yield at_most("exit codes of the runs, the higher one", max(codes), 1)
    yield exactly("exit codes of the runs, the lower one", min(codes), 0)
    yield exactly("runs that asked the provider", here.witness.runs_at_work(BATCH), 1)
    yield exactly("calls", seen["calls"], DOCUMENTS)
    yield exactly("documents paid twice", seen["answered_more_than_once"], 0)
    yield exactly("documents with a valid result", here.witness.ends(BATCH)["valid"], DOCUMENTS)
    released = here.witness.one("SELECT count(*) FROM releases WHERE batch = ?", BATCH)
    yield exactly("releases", released, 1)


DOUBLE_TRIGGER = Drill(
    "double-trigger",
    "Of two runs of one batch at once one works; nothing is paid twice.",
    ServerOptions(model="stub", latency_ms=100),
    facts,
)
