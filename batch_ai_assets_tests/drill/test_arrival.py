"""Documents dropped into an inbox while the daemon that looks at it is killed again and again."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from batch_ai_assets.engine.state import tables as t
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.local_provider.process import LocalProvider

from ..jobs import job_file, write_registry
from .dagster_ui import REPOSITORY, until

JOB = "banking"
FILE_ROWS = 500
ENOUGH = 1_000
FEW = 503
"""The rest of all, less than enough."""
KILLS = 10
LOCATION = "batch_ai_assets.definitions"
SECONDS_PER_FILE = 6.0
LIFE_SECONDS = (1.0, 14.0)
"""How long a daemon lives that has loaded the code; it looks at the inbox every 30 s."""
AWAKE = b"Instance is configured with the following daemons"

Row = tuple[str, str]


@dataclass
class Daemon:
    """`dagster-daemon` with its code server, on a home of its own."""

    home: Path
    registry: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        environment = {
            **os.environ,
            **more,
            "BATCH_AI_HOME": str(self.home),
            "BATCH_AI_REGISTRY": str(self.registry),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        }
        command = [sys.executable, "-m", "dagster._daemon", "run", "-m", LOCATION]
        before = self._awake()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        until(lambda: True if self._awake() > before else None, "the daemon to load the code", 90)

    @property
    def log(self) -> Path:
        return self.home / "daemon.log"

    def _awake(self) -> int:
        """How many daemons have said so far that they are at work."""
        return self.log.read_bytes().count(AWAKE) if self.log.exists() else 0

    def kill(self) -> None:
        """The daemon alone, with -9: what it has started lives on, as after a crash."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        self.process.kill()
        self.process.wait()


@contextmanager
def daemons(home: Path, registry: Path) -> Iterator[Daemon]:
    """Daemons one after the other; at the end nothing of them is left."""
    daemon = Daemon(home, registry)
    started: list[int] = []
    real = daemon.start

    def start(**more: str) -> None:
        try:
            real(**more)
        finally:
            assert daemon.process is not None
            started.append(daemon.process.pid)

    daemon.start = start  # type: ignore[method-assign]
    try:
        yield daemon
    finally:
        for group in started:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if daemon.process is not None:
            daemon.process.wait()


@pytest.fixture(scope="module")
def rows(real_data: Path) -> list[Row]:
    """Every message of banking77, marked so that the stub knows it by its id."""
    path = real_data / "banking77" / "train.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["id"], f"[[id:{row['id']}]] {row['text']}") for row in csv.DictReader(file)]


def drop(inbox: Path, number: int, rows: Sequence[Row]) -> None:
    """One file, written in two goes; names go down, so that late files have early names."""
    path = inbox / f"part-{999 - number:03}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text"))
        writer.writerows(rows[: len(rows) // 2])
        file.flush()
        time.sleep(0.5)
        writer.writerows(rows[len(rows) // 2 :])


def drop_all(inbox: Path, rows: Sequence[Row]) -> None:
    for number, start in enumerate(range(0, len(rows), FILE_ROWS)):
        drop(inbox, number, rows[start : start + FILE_ROWS])
        time.sleep(SECONDS_PER_FILE)


def held(home: Path) -> dict[str, Counter[tuple[str, str]]]:
    """batch → (item, end) of its newest version, as the state store says."""
    store = StateStore.open(f"sqlite:///{home}/state/state.sqlite")
    try:
        query = sa.select(t.plans.c.batch, t.items.c.item_id, t.items.c.end).join(
            t.items, t.items.c.plan_id == t.plans.c.plan_id
        )
        found: dict[str, Counter[tuple[str, str]]] = {}
        with store.database.read() as connection:
            for batch, item, end in connection.execute(query):
                found.setdefault(batch, Counter())[item, end] += 1
        return found
    finally:
        store.close()


@pytest.mark.timeout(900)
def test_every_row_is_in_one_batch_and_answered_once_though_the_daemon_is_killed_ten_times(
    tmp_path: Path, rows: list[Row], fast_model: LocalProvider
) -> None:
    home = tmp_path / "home"
    job = job_file(
        JOB,
        input={"path": f"{{home}}/inbox/{JOB}", "format": "csv", "settle": "2s"},
        batches={"cadence": "on_arrival", "arrival": {"items": ENOUGH, "age": "30s"}},
    )
    registry = write_registry(tmp_path / "registry", job, base_url=fast_model.base_url)
    inbox = home / "inbox" / JOB
    inbox.mkdir(parents=True)
    prepare(home, registry)
    chance = random.Random(77)
    most, last = rows[:-FEW], rows[-FEW:]
    dropping = threading.Thread(target=drop_all, args=(inbox, most), daemon=True)

    with daemons(home, registry) as daemon:
        dropping.start()
        for number in range(KILLS):
            # Every third code server dies between a claim and the request of its run, as well.
            worst = {"BATCH_AI_FAILPOINT": "after_claim"} if number % 3 == 1 else {}
            daemon.start(**worst)
            time.sleep(chance.uniform(*LIFE_SECONDS))
            daemon.kill()
        dropping.join()
        daemon.start()
        until(lambda: all_ended(home, len(most)), "every row to have its end", 420)
        drop(inbox, 500, last)  # too few to count, and nothing more comes
        until(lambda: all_ended(home, len(rows)), "the last rows to have their end", 240)

    batches = held(home)
    sizes = sorted(sum(items.values()) for items in batches.values())
    print(f"{len(batches)} batches of {sizes} rows")
    assert Counter(item for items in batches.values() for item, _ in items.elements()) == Counter(
        item for item, _ in rows
    )
    assert {end for items in batches.values() for _, end in items} == {"valid"}
    assert sizes[-1] >= ENOUGH  # by count
    assert sizes[0] < ENOUGH  # by age
    counts = {name: seen["answers"] for name, seen in fast_model.stats()["items"].items()}
    assert {item: counts.get(item) for item, _ in rows} == dict.fromkeys((i for i, _ in rows), 1)


def prepare(home: Path, registry: Path) -> None:
    """The home as the first command makes it, with its Dagster instance."""
    subprocess.run(
        [sys.executable, "-m", "batch_ai_assets.cli", "run", JOB],
        cwd=REPOSITORY, check=True, capture_output=True, timeout=120,
        env={**os.environ, "BATCH_AI_HOME": str(home), "BATCH_AI_REGISTRY": str(registry)},
    )  # fmt: skip


def all_ended(home: Path, wanted: int) -> bool | None:
    """Whether so many items have an end; None, so that it is asked again, as long as not."""
    ends = Counter(end for items in held(home).values() for _, end in items.elements())
    return True if sum(ends.values()) - ends["pending"] >= wanted else None
