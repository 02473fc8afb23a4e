"""The event loop is never kept waiting: not by commits, reading, sealing or collecting garbage."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest

from batch_ai_assets.engine.inference.loop_lag import LoopLag
from batch_ai_assets.engine.state.life_cycle import State

from ..world import stub, world
from .items import plain

ALLOWED_SECONDS = 0.1


@pytest.mark.parametrize("together", [1, 20])
def test_the_loop_is_never_a_tenth_of_a_second_late_by_our_own_doing(
    together: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = {
        "limits": {"concurrency": 256},
        "prompt": {"version": "1", "items_per_request": together},
    }
    caplog.set_level(logging.INFO, "batch_ai")
    with stub() as server, world(tmp_path, server.base_url, spec) as here:
        here.write_messages(plain(6000))
        assert here.run().state is State.COMPLETED
    events = [json.loads(record.message) for record in caplog.records]
    (ended,) = [event for event in events if event["event"] == "asking_ended"]
    assert ended["own_lag_seconds"] < ALLOWED_SECONDS
    assert ended["own_lag_seconds"] <= ended["loop_lag_seconds"]


def test_a_loop_that_is_kept_busy_is_seen() -> None:
    async def scene() -> LoopLag:
        lag = LoopLag()
        watching = asyncio.create_task(lag.watch())
        await asyncio.sleep(0.1)
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
        await asyncio.sleep(0.1)
        watching.cancel()
        return lag

    lag = asyncio.run(scene())
    assert 0.2 < lag.own <= lag.worst
