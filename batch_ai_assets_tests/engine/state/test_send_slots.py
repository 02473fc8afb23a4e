"""Pages of send slots on a file: alone with it, whoever else is there, and never for long."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from batch_ai_assets.engine.errors import StateError
from batch_ai_assets.engine.state.send_slots import (
    FILE_NAME,
    Asker,
    Dimension,
    Page,
    SendSlots,
    Track,
    provider_key,
)
from batch_ai_assets.engine.state.store import StateStore

PAGE = Page(
    at=1.25,
    held_until=2.5,
    tracks={Dimension.TOKENS_IN: Track(1_800_000_000.123456, 0.1, 5.0)},
    askers={"p": Asker("urgent", 1.0, 2.0, 3.0)},
)


def address(folder: Path) -> sa.URL:
    return sa.make_url(f"sqlite:///{folder}/state.sqlite")


@pytest.fixture
def slots(tmp_path: Path) -> Iterator[SendSlots]:
    found = SendSlots(address(tmp_path), patience_seconds=0.1)
    yield found
    found.close()


def written(page: Page) -> Callable[[Page, float], tuple[Page, Page]]:
    """Replaces whatever is there, and returns it."""
    return lambda before, _: (page, before)


def one_more(page: Page, _: float) -> tuple[Page, None]:
    tat = page.tracks[Dimension.REQUESTS].tat if page.tracks else 0.0
    return replace(page, tracks={Dimension.REQUESTS: Track(tat + 1.0)}), None


def test_a_page_is_read_as_it_was_written(slots: SendSlots) -> None:
    first, _ = slots.change("k", written(PAGE))
    second, _ = slots.change("k", written(PAGE))
    assert (first, second) == (Page(), PAGE)
    assert slots.change("other", written(PAGE))[0] == Page()


def test_all_see_one_clock_and_know_how_far_it_is_ahead_of_their_own(tmp_path: Path) -> None:
    slots = SendSlots(address(tmp_path), clock=lambda: 1000.0, steady_clock=lambda: 10.0)
    seen, ahead = slots.change("k", lambda page, now: (page, now))
    assert (seen, ahead) == (1000.0, 990.0)
    assert slots.look("k") == (Page(), 1000.0, 990.0)
    slots.close()


def test_looking_makes_no_file_and_a_store_is_opened_without_one(tmp_path: Path) -> None:
    store = StateStore.open(f"sqlite:///{tmp_path}/state.sqlite")
    assert store.send_slots.look("k") is None
    assert not (tmp_path / FILE_NAME).exists()
    store.send_slots.change("k", written(PAGE))
    store.close()
    assert (tmp_path / FILE_NAME).exists()


def test_a_key_tells_addresses_and_references_apart_and_nothing_of_either() -> None:
    keys = {
        provider_key(url, secret)
        for url in ("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1")
        for secret in (None, "env:ONE", "env:TWO")
    }
    assert len(keys) == 6
    assert not any("env" in key or "127" in key for key in keys)


def test_many_who_change_a_page_at_once_lose_no_change(tmp_path: Path) -> None:
    def work() -> None:
        slots = SendSlots(address(tmp_path), patience_seconds=5.0)
        for _ in range(50):
            slots.change("k", one_more)
        slots.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slots = SendSlots(address(tmp_path))
    assert slots.change("k", written(Page()))[0].tracks[Dimension.REQUESTS].tat == 300.0
    slots.close()


def test_a_process_that_is_killed_in_the_middle_of_a_change_leaves_the_page_as_it_was(
    tmp_path: Path,
) -> None:
    program = (
        "import os, sys, sqlalchemy as sa\n"
        "from batch_ai_assets.engine.state.send_slots import SendSlots\n"
        "slots = SendSlots(sa.make_url(sys.argv[1]))\n"
        "slots.change('k', lambda page, now: os.kill(os.getpid(), 9))\n"
    )
    slots = SendSlots(address(tmp_path))
    slots.change("k", written(PAGE))
    url = address(tmp_path).render_as_string()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    died = subprocess.run([sys.executable, "-c", program, url], env=environment, timeout=60)
    assert died.returncode == -9
    assert slots.change("k", written(PAGE))[0] == PAGE
    slots.close()


def test_a_file_that_another_process_holds_is_not_waited_for(
    slots: SendSlots, tmp_path: Path
) -> None:
    slots.change("k", written(PAGE))
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StateError, match="locked"):
            slots.change("k", written(PAGE))
        assert time.monotonic() - began < 1.5
        other.execute("ROLLBACK")
    assert slots.change("k", written(PAGE))[0] == PAGE


def test_a_file_in_pieces_is_thrown_away_and_begun_anew(slots: SendSlots, tmp_path: Path) -> None:
    slots.change("k", written(PAGE))
    slots.close()
    (tmp_path / FILE_NAME).write_bytes(b"half of a sector, and then the power was gone" * 100)
    assert slots.change("k", written(PAGE))[0] == Page()
    assert slots.change("k", written(PAGE))[0] == PAGE


def test_a_file_that_was_removed_is_not_written_on_in_secret(
    slots: SendSlots, tmp_path: Path
) -> None:
    slots.change("k", written(PAGE))
    for file in tmp_path.glob(f"{FILE_NAME}*"):
        file.unlink()
    with pytest.raises(StateError, match="gone"):
        slots.change("k", written(PAGE))
    assert slots.change("k", written(PAGE))[0] == Page()
    assert (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize("content", ["", "{}", '{"at": "yesterday"}', '{"tracks": {"x": {}}}'])
def test_a_page_of_another_version_is_begun_anew(
    content: str, slots: SendSlots, tmp_path: Path
) -> None:
    slots.change("k", written(PAGE))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("UPDATE send_slots SET page = ?", (content,))
        other.commit()
    assert slots.change("k", written(PAGE))[0] == Page()


def test_nothing_is_synced_for_it(slots: SendSlots) -> None:
    slots.change("k", written(PAGE))
    assert slots._database is not None
    with slots._database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 0
