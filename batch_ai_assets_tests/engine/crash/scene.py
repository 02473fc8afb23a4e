"""A scene: one home with one batch, victims that run it, and what is there after they died.

What became of a batch is judged from outside: by what the stub server counted, and by reading
the Parquet files that the pointers name with nothing of ours in between.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from batch_ai_assets.engine.batch import Mode, Outcome, Run, run_batch
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, world
from .documents import Document
from .victim import MARKS, Order, Victim, victim

JOB, BATCH = "topics", "b1"
CONCURRENCY, LATENCY_SECONDS = 8, 0.02
SPEC: dict[str, Any] = {
    "limits": {"concurrency": CONCURRENCY},
    "retry": {"timeout_seconds": 60.0},
    # Two thirds of the documents are in the first group, which is asked first.
    "groups": [{"name": "short", "tokens_below": 60}],
    "shards": {"count": 5},
}
FEW = 240


@dataclass
class Scene:
    """One batch in one home."""

    home: Path
    provider: LocalProvider
    documents: Sequence[Document]
    spec: dict[str, Any] = field(default_factory=lambda: SPEC)
    died_at: float = 0.0

    def set_up(self) -> Scene:
        """Write the documents; count calls anew."""
        inbox = self.home / "inbox" / "messages.jsonl"
        inbox.parent.mkdir(parents=True)
        lines = (json.dumps(document.row) for document in self.documents)
        inbox.write_text("\n".join(lines) + "\n")
        self.provider.reset_stats()
        return self

    def order(self, run_id: str = "run-1", **more: Any) -> Order:
        return Order(self.home, self.provider.base_url, run_id, self.spec, **more)

    @contextmanager
    def open(self) -> Iterator[World]:
        with world(self.home, self.provider.base_url, spec=self.spec) as here:
            yield here

    def kill_at(self, failpoint: str, run_id: str = "run-1", **more: Any) -> None:
        """Run a victim that kills itself at `failpoint` (`NAME:COUNT`)."""
        with victim(self.order(run_id, failpoint=failpoint, **more)) as one:
            code = one.wait()
            self.died_at = time.monotonic()
        assert code == -9, f"the run was not killed at {failpoint}: it exited with {code}"

    def kill_after(self, seconds: float, run_id: str = "run-1", **more: Any) -> bool:
        """Kill -9 a victim `seconds` after it got its order; False where it was done by then."""
        with victim(self.order(run_id, **more)) as one:
            time.sleep(seconds)
            return self.kill(one)

    def kill(self, one: Victim) -> bool:
        """Kill -9 `one`, now; False where it was done by then."""
        one.send(9)
        code = one.wait()
        self.died_at = time.monotonic()
        assert code in (-9, 0)
        return code == -9

    def resume(
        self, run_id: str = "run-2", dead: str = "run-1", mode: Mode = Mode.RESUME
    ) -> Outcome:
        """Run the batch to its end, in this process, the lease of the `dead` run given back."""
        with self.open() as here:
            here.deps.store.leases.release(JOB, BATCH, dead)
            return run_batch(here.job, BATCH, Run(run_id, "survivor", mode), here.deps)

    # What is there.

    def check_sound(self) -> None:
        """fsck is clean, items are conserved, and every pointer names a whole table."""
        with self.open() as here:
            assert fsck(JOB, BATCH, here.deps) == []
            plan = here.deps.store.batches.latest_plan(JOB, BATCH)
            if plan is not None and plan.planned_at is not None:
                counts = here.counts(BATCH)
                assert counts.holds, counts.line()
                assert counts.items == len(self.documents)
        for name in ("_latest.json", "_current.json"):
            for pointer in (self.home / "data").rglob(name):
                check_whole(Path(json.loads(pointer.read_text())["path"]))

    def current(self) -> dict[str, Any] | None:
        """`_current.json`, as a consumer reads it."""
        pointer = self.home / "data" / JOB / "results" / BATCH / "_current.json"
        return json.loads(pointer.read_text()) if pointer.exists() else None

    def released(self) -> list[dict[str, Any]]:
        """The rows that consumers read."""
        current = self.current()
        assert current is not None, "nothing was released"
        return read_parts(Path(current["path"]), current["parts"])

    def dead(self) -> list[tuple[str, str]]:
        """(item, reason) of the published dead letters."""
        home = self.home / "data" / JOB / "dead_letter_queue" / BATCH
        folder = Path(json.loads((home / "_latest.json").read_text())["path"])
        parts = sorted(path.name for path in folder.glob("*.parquet"))
        return [(row["item_id"], row["reason"]) for row in read_parts(folder, parts)]

    def check_every_item_ended_once(self, version: int = 1) -> None:
        """Each document is one released row of its own text, or one dead letter with its reason."""
        current = self.current()
        assert current is not None
        assert current["version"] == version
        latest = self.home / "data" / JOB / "results" / BATCH / "_latest.json"
        assert json.loads(latest.read_text())["path"] == current["path"]
        rows = self.released()
        assert current["rows"] == len(rows)
        expected = {d.item_id: d.input_hash for d in self.documents if not d.dead}
        assert Counter(row["item_id"] for row in rows) == Counter(expected.keys())
        assert {row["item_id"]: row["input_hash"] for row in rows} == expected
        dead = [(d.item_id, d.dead) for d in self.documents if d.dead]
        assert Counter(self.dead()) == Counter(dead)

    # What the provider saw.

    def calls(self) -> dict[str, int]:
        """Calls by item."""
        items = self.provider.stats()["items"]
        return {d.item_id: items.get(d.item_id, {"calls": 0})["calls"] for d in self.documents}

    def paid_twice(self) -> int:
        """Calls beyond those that each item needs; none may have had fewer."""
        calls = self.calls()
        missing = [d.item_id for d in self.documents if calls[d.item_id] < d.calls]
        assert not missing, f"ended without being asked: {missing[:5]}"
        return sum(calls[d.item_id] - d.calls for d in self.documents)

    @property
    def most_in_flight(self) -> int:
        """The most items that can be under way: workers, times items in a request."""
        together: int = self.spec.get("prompt", {}).get("items_per_request", 1)
        concurrency: int = self.spec["limits"]["concurrency"]
        return concurrency * together

    @property
    def rate(self) -> float:
        """The most items per second that so many workers can ask of a server that takes so long."""
        return self.most_in_flight / (self.provider.options.latency_ms / 1000)

    def at_risk(self) -> float:
        """How many items the last kill may have had paid in vain (promise 3).

        In flight + rate × (interval between commits + commit time): what was sent and not yet
        answered, and what was answered since the last group that got committed was taken. Nothing
        is at risk where answers are published already.
        """
        marks = [what for what, _ in self._marks()]
        awaits_first = "answer" not in marks and marks.count("part") >= _PLANNED
        if marks and marks[-1] == "part" and not awaits_first:
            return 0.0
        return self.most_in_flight + self.rate * self.exposed_seconds()

    def exposed_seconds(self) -> float:
        """Interval between commits + commit time, the longest that the last victim had, up to its
        death; 0 where it died before its first answer."""
        marks = self._marks()
        starts = [at for what, at in marks if what in ("answer", "begin")]
        if not starts:
            return 0.0
        begins, ends = self.commits()
        commits = zip(begins, [*ends, self.died_at], strict=False)
        commit = max((end - begin for begin, end in commits), default=0.0)
        interval = max(later - earlier for earlier, later in pairwise([*starts, self.died_at]))
        return interval + commit

    def commits(self) -> tuple[list[float], list[float]]:
        """When the victim's commits began and ended, monotonic seconds."""
        marks = self._marks()
        begins = [at for what, at in marks if what == "begin"]
        return begins, [at for what, at in marks if what == "end"]

    def _marks(self) -> list[tuple[str, float]]:
        path = self.home / MARKS
        lines = path.read_text().splitlines() if path.exists() else []
        return [(what, float(at)) for what, at in (line.split() for line in lines)]


_PLANNED = 2
"""Tables that are written before the first call: the manifest and the plan."""


def check_whole(folder: Path) -> None:
    """The table in `folder` is finished, and all of its rows can be read."""
    sealed = json.loads((folder / "_table.json").read_text())
    assert len(read_parts(folder, sealed["parts"])) == sealed["rows"]


def read_parts(folder: Path, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the Parquet files `parts`."""
    return [row for part in parts for row in pq.read_table(folder / part).to_pylist()]
