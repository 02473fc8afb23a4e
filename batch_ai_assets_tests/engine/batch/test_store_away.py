"""A state store that is locked, gone or full while a batch runs: pause, go on, or stop whole."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, world
from .instants import once_called
from .items import ids, plain

CALM = {"limits": {"concurrency": 4}, "retry": {"timeout_seconds": 30.0}}


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another connection writes to the store while the block runs."""
    with closing(sqlite3.connect(store, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def taken_away(store: Path) -> Iterator[None]:
    """The folder of the store is not there while the block runs."""
    away = store.parent.with_name("elsewhere")
    store.parent.rename(away)
    yield
    away.rename(store.parent)


Trouble = Callable[[Path], object]
TROUBLES = pytest.mark.parametrize("trouble", [locked, taken_away])


def for_a_while(trouble: Trouble, store: Path, over: threading.Event) -> Callable[[], None]:
    """Begin the trouble; a thread ends it when `over` is set."""

    def begin() -> None:
        begun = threading.Event()

        def have() -> None:
            with trouble(store):  # type: ignore[attr-defined]
                begun.set()
                over.wait(60)

        threading.Thread(target=have, daemon=True).start()
        begun.wait(15)

    return begin


def check_all_there(here: World, rows: list[dict[str, str]]) -> None:
    assert [row["item_id"] for row in here.results()] == ids(rows)
    assert here.counts().holds
    assert here.counts().valid == len(rows)


@TROUBLES
def test_a_batch_pauses_while_the_store_is_away_and_goes_on_when_it_is_back(
    trouble: Trouble, own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, CALM, patience_seconds=30.0) as here:
        rows = plain(900)
        here.write_messages(rows)
        over, calls = threading.Event(), []
        begin = for_a_while(trouble, tmp_path / "state/state.sqlite", over)

        def watch() -> None:
            begin()
            time.sleep(2.6)  # the writer has been waiting for more than two seconds
            calls.append(own.stats(items=False)["calls"])
            time.sleep(0.4)
            calls.append(own.stats(items=False)["calls"])
            over.set()

        with once_called(own, 50, watch):
            assert here.run().state is State.COMPLETED

        assert calls[0] == calls[1], "no call leaves while nothing can be committed"
        check_all_there(here, rows)
        stats = own.stats()
        assert (stats["answers"], stats["answered_more_than_once"]) == (900, 0)


@TROUBLES
def test_a_batch_stops_when_the_store_stays_away_and_the_next_run_goes_on(
    trouble: Trouble, own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, CALM, patience_seconds=0.6) as here:
        rows = plain(300)
        here.write_messages(rows)
        over = threading.Event()
        with once_called(own, 100, for_a_while(trouble, tmp_path / "state/state.sqlite", over)):
            stopped = here.run()

        assert stopped.state is State.FAILED
        assert "The state store" in stopped.message
        words = "locked" if trouble is locked else "its file is gone"
        assert words in stopped.message
        at_risk = own.stats()["answers"]
        over.set()
        for _ in range(100):
            with suppress(Exception):
                committed = len(list(_answers(here)))
                break
            time.sleep(0.05)

        here.deps.store.leases.release("topics", "b1", "run-1")
        assert here.run().state is State.COMPLETED
        check_all_there(here, rows)
        stats = own.stats()
        assert stats["answers"] == 300 + at_risk - committed, (
            "what was committed is not asked again"
        )


def _answers(here: World) -> list[tuple[int]]:
    with closing(sqlite3.connect(here.home / "state/state.sqlite")) as connection:
        return connection.execute("SELECT answer_id FROM answers").fetchall()


def test_a_store_that_is_locked_from_the_start_is_waited_for(
    own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, CALM) as here:
        rows = plain(5)
        here.write_messages(rows)
        over = threading.Event()
        for_a_while(locked, tmp_path / "state/state.sqlite", over)()
        threading.Timer(0.5, over.set).start()
        assert here.run().state is State.COMPLETED
        check_all_there(here, rows)


def test_a_store_that_was_replaced_by_another_is_not_written_to(
    own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, CALM, patience_seconds=0.3) as here:
        here.write_messages(plain(5))
        store = tmp_path / "state/state.sqlite"
        shutil.copy(store, tmp_path / "copy")
        (tmp_path / "copy").rename(store)
        stopped = here.run()
        assert stopped.state is State.FAILED
        assert "its file was replaced by another" in stopped.message
        assert own.stats()["calls"] == 0


def test_a_full_disk_stops_the_batch_with_what_was_committed_and_the_next_run_goes_on(
    own: LocalProvider, tmp_path: Path
) -> None:
    rows = plain(300)
    with world(tmp_path / "roomy", own.base_url, CALM) as here:
        here.write_messages(rows)
        here.run()
        (pages,) = _pragma(here, "page_count")
    own.reset_stats()
    with world(tmp_path / "full", own.base_url, CALM, patience_seconds=0.3) as here:
        here.write_messages(rows)
        limit = pages * 3 // 4
        here.deps.store.close()
        sa.event.listen(
            here.deps.store.database._engine,
            "connect",
            lambda connection, _: connection.execute(f"PRAGMA max_page_count = {limit}"),
        )

        stopped = here.run()

        assert stopped.state is State.FAILED
        assert "database or disk is full" in stopped.message
        assert "Make room on its disk" in stopped.message
        answered, committed = own.stats()["answers"], len(_answers(here))
        assert 0 < committed < 300

        limit = 1_000_000
        here.deps.store.close()
        here.deps.store.leases.release("topics", "b1", "run-1")
        assert here.run().state is State.COMPLETED
        check_all_there(here, rows)
        assert own.stats()["answers"] == 300 + answered - committed


def _pragma(here: World, name: str) -> tuple[int, ...]:
    with closing(sqlite3.connect(here.home / "state/state.sqlite")) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()
