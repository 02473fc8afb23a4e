"""The gate: who goes next, what a cancelled call leaves behind, what is shared with whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from batch_ai_assets.engine.inference.aimd import FIRST, Window
from batch_ai_assets.engine.inference.gate import HEADERS_EVERY, Gate
from batch_ai_assets.engine.inference.limiter import Limiter
from batch_ai_assets.engine.inference.pacer import Pacer

from .virtual_time import Pages, per_minute, run

TOKENS = (50.0, 50.0)
TELLS = {"x-ratelimit-limit-requests": "600"}


@asynccontextmanager
async def opened(
    pages: Pages, declared: Mapping[Any, float], ceiling: Limiter | None = None
) -> AsyncIterator[Gate]:
    clock = asyncio.get_running_loop().time
    pacer = Pacer(pages, declared, "normal", "stub", clock)  # type: ignore[arg-type]
    gate = Gate(ceiling, pacer, None if declared else Window(64), clock)
    async with gate.open("http://127.0.0.1:1/v1", None):
        yield gate


async def through(gate: Gate) -> float:
    """When a call of 100 tokens gets through."""
    if not gate.passes(*TOKENS):
        await gate.wait(*TOKENS)
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("declared", [per_minute(600), {}])
def test_calls_leave_in_the_order_they_came(declared: Mapping[Any, float]) -> None:
    async def scene() -> None:
        ceiling = None if declared else Limiter(600, burst_seconds=0.0)
        async with opened(Pages(), declared, ceiling) as gate:
            left: list[int] = []

            async def call(number: int) -> None:
                await through(gate)
                left.append(number)
                gate.ended()

            await asyncio.gather(*(call(number) for number in range(40)))
            assert left == list(range(40))

    run(scene())


def test_nobody_overtakes_those_who_wait() -> None:
    async def scene() -> None:
        async with opened(Pages(), {}) as gate:
            gate.pause(asyncio.get_running_loop().time() + 1.0)
            waiting = asyncio.create_task(through(gate))
            await asyncio.sleep(0.999_999)
            await asyncio.sleep(0)
            assert not gate.passes(*TOKENS)
            await waiting
            assert gate.passes(*TOKENS)

    run(scene())


def test_one_booking_serves_many_calls() -> None:
    async def scene() -> None:
        pages = Pages()
        async with opened(pages, per_minute(60_000)) as gate:
            await asyncio.gather(*(through(gate) for _ in range(200)))
            assert pages.changes <= 2

    run(scene())


def test_a_call_that_is_cancelled_while_it_waits_costs_the_others_nothing() -> None:
    async def scene() -> None:
        async with opened(Pages(), per_minute(60)) as gate:
            await through(gate)
            calls = [asyncio.create_task(through(gate)) for _ in range(4)]
            await asyncio.sleep(0.1)
            calls[0].cancel()
            calls[2].cancel()
            first, second = await asyncio.gather(calls[1], calls[3])
            assert second - first == pytest.approx(1.0, abs=0.01)
            assert first <= 102.5

    run(scene())


def test_a_call_that_is_cancelled_as_it_is_let_through_gives_its_permit_back() -> None:
    async def scene() -> None:
        async with opened(Pages(), per_minute(60), Limiter(60)) as gate:
            clock = asyncio.get_running_loop().time
            gate.pause(clock() + 5.0)
            doomed = asyncio.create_task(gate.wait(*TOKENS))
            next_one = asyncio.create_task(through(gate))
            await asyncio.sleep(0)
            gate._paused_until = 0.0
            while True:  # until it is let through, and has not noticed
                gate._look()
                if gate._in_flight:
                    break
                await asyncio.sleep(0.001)
            doomed.cancel()
            with pytest.raises(asyncio.CancelledError):
                await doomed
            assert gate._in_flight == 0
            let_through = clock()
            assert await next_one - let_through <= 1.1

    run(scene())


def test_a_window_of_calls_in_flight_opens_when_one_comes_back() -> None:
    async def scene() -> None:
        async with opened(Pages(), {}) as gate:
            for _ in range(FIRST):
                assert gate.passes(*TOKENS)
            assert not gate.passes(*TOKENS)
            waiting = asyncio.create_task(through(gate))
            await asyncio.sleep(3.0)
            assert not waiting.done()
            gate.ended()
            await asyncio.sleep(0)
            assert waiting.done()

    run(scene())


def test_headers_are_read_now_and_then_and_on_every_429() -> None:
    async def scene() -> None:
        pages = Pages()
        async with opened(pages, {}) as gate:
            for _ in range(HEADERS_EVERY - 1):
                assert gate.passes(*TOKENS)
                gate.answered(200, TELLS, 0.0)
            await asyncio.sleep(0.1)
            assert pages.changes == 0
            assert gate.passes(*TOKENS)
            gate.answered(200, TELLS, 0.0)
            await asyncio.sleep(0.1)
            assert pages.changes == 1
            began = await through(gate)
            for _ in range(20):  # ten a second, from now on
                last = await through(gate)
            assert last - began == pytest.approx(2.0, abs=0.11)

    run(scene())


def test_a_429_holds_every_process_that_asks_under_the_same_key() -> None:
    async def scene() -> None:
        pages, clock = Pages(), asyncio.get_running_loop().time
        async with opened(pages, {}) as one, opened(pages, per_minute(6_000)) as other:
            assert one.passes(*TOKENS)
            one.answered(429, {}, clock())
            one.hold(clock() + 10.0)
            held = clock()
            await asyncio.sleep(1.1)
            assert await through(other) - held >= 10.0
            async with opened(pages, {}) as third:
                third_at = await through(third)
            assert third_at - held >= 10.0

    run(scene())


def test_what_is_not_the_providers_wish_is_not_shared() -> None:
    async def scene() -> None:
        pages, clock = Pages(), asyncio.get_running_loop().time
        async with opened(pages, {}) as gate:
            gate.pause(clock() + 10.0)
            await asyncio.sleep(2.0)
            assert pages.changes == 0
            assert await through(gate) == pytest.approx(110.0, abs=0.01)

    run(scene())
