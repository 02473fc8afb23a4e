"""The loop of a run: uvloop where it is there, asyncio's own where it is not."""

from __future__ import annotations

import asyncio

import pytest

from batch_ai_assets.engine.inference import event_loop


async def loop_in_use() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_calls_are_made_on_uvloop_where_it_is_installed() -> None:
    assert event_loop.run(loop_in_use()).startswith("uvloop")


def test_without_uvloop_the_loop_of_asyncio_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "find_spec", lambda name: None)
    assert event_loop.run(loop_in_use()).startswith("asyncio")


def test_the_host_keeps_its_own_kind_of_loop() -> None:
    event_loop.run(loop_in_use())
    assert asyncio.run(loop_in_use()).startswith("asyncio")
