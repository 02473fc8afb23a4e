"""Pages of send slots on PostgreSQL: rows are locked one by one, and the server has the clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from batch_ai_assets.engine.errors import StateError
from batch_ai_assets.engine.inference.gate import Gate
from batch_ai_assets.engine.inference.pacer import Pacer
from batch_ai_assets.engine.state.send_slots import (
    Dimension,
    Page,
    SendSlots,
    Track,
    provider_key,
)
from batch_ai_assets.engine.state.store import StateStore

Sql = Callable[[str], str]


def one_more(page: Page, _: float) -> tuple[Page, None]:
    tat = page.tracks[Dimension.REQUESTS].tat if page.tracks else 0.0
    return replace(page, tracks={Dimension.REQUESTS: Track(tat + 1.0)}), None


def seen(page: Page, now: float) -> tuple[Page, tuple[Page, float]]:
    return page, (page, now)


def test_many_who_begin_and_change_one_page_at_once_lose_no_change(database: str) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        slots = SendSlots(sa.make_url(database), patience_seconds=10.0)
        try:
            for _ in range(40):
                slots.change("k", one_more)
        except BaseException as error:
            problems.append(error)
        finally:
            slots.close()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slots = SendSlots(sa.make_url(database))
    (page, now), ahead = slots.change("k", seen)
    slots.close()
    assert problems == []
    assert page.tracks[Dimension.REQUESTS].tat == 200.0
    assert now == pytest.approx(time.time(), abs=5.0)
    assert now - ahead == pytest.approx(time.monotonic(), abs=5.0)


def test_writers_of_the_state_store_and_of_other_keys_are_not_waited_for(
    database: str, sql: Sql
) -> None:
    store = StateStore.open(database)
    slots = store.send_slots
    slots.change("k", one_more)
    slots.change("other", one_more)
    taken, done = threading.Event(), threading.Event()

    def write() -> None:
        def hold(connection: sa.Connection) -> None:
            connection.execute(
                sa.text("SELECT * FROM send_slots WHERE provider_key = 'other' FOR UPDATE")
            )
            taken.set()
            done.wait(20)

        store.database.run(hold)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        assert taken.wait(20)
        began = time.monotonic()
        slots.change("k", one_more)
        assert time.monotonic() - began < 2.0
        with pytest.raises(StateError, match="lock"):
            slots.change("other", one_more)
    finally:
        done.set()
        writing.join()
        store.close()


def test_what_is_looked_at_before_anybody_wrote_is_nothing(database: str) -> None:
    slots = SendSlots(sa.make_url(database))
    assert slots.look("k") is None
    slots.change("k", one_more)
    found = slots.look("k")
    assert found is not None
    assert found[0].tracks[Dimension.REQUESTS].tat == 1.0
    slots.close()


def test_gates_that_share_a_page_on_the_server_keep_to_one_rate_and_use_it(database: str) -> None:
    left: list[float] = []

    async def work(seconds: float) -> None:
        slots = SendSlots(sa.make_url(database))
        pacer = Pacer(slots, {Dimension.REQUESTS: 100.0}, "normal", "stub")
        gate = Gate(None, pacer, None)
        async with gate.open("https://models.example.com/v1", "env:KEY"):
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                if not gate.passes(10, 10):
                    await gate.wait(10, 10)
                left.append(time.monotonic())
                await asyncio.sleep(0.01)
                gate.answered(200, {}, left[-1])
        slots.close()

    async def crowd() -> None:
        await asyncio.gather(*(work(2.5) for _ in range(4)))

    asyncio.run(crowd())
    left.sort()
    seconds = left[-1] - left[0]
    assert 0.85 * 100.0 * seconds <= len(left) <= 100.0 * (seconds + 0.3) + 1
    slots = SendSlots(sa.make_url(database))
    page = slots.change(provider_key("https://models.example.com/v1", "env:KEY"), seen)[0][0]
    slots.close()
    assert page.askers == {}
