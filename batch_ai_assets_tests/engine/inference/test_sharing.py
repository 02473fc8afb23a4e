"""Processes that share one provider key, on real gates in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import pytest

from batch_ai_assets.engine.inference.limiter import Limiter

from .virtual_time import Pages, Process, Provider, per_minute, run

EVEN, UNEVEN = (16, 16, 16, 16), (72, 32, 16, 8)


def slow_now_and_then() -> Callable[[], float]:
    """A store that mostly answers in 2 ms, and sometimes in 150."""
    chance = random.Random(1)
    return lambda: chance.choice((0.002, 0.002, 0.02, 0.15))


async def crowd(
    provider: Provider,
    declared: float = 1.0,
    workers: Sequence[int] = EVEN,
    priorities: Sequence[str] = ("normal",) * 4,
    seconds: float = 30.0,
    **changes: object,
) -> tuple[Provider, float, float]:
    """Let processes work; the provider, and from when to when they were all at full demand."""
    limits = per_minute(
        provider.rpm and provider.rpm * declared, provider.tpm and provider.tpm * declared
    )
    pages, began = Pages(), asyncio.get_running_loop().time()
    processes = [
        Process(number, pages, provider, limits, most, priorities[number], **changes)  # type: ignore[arg-type]
        for number, most in enumerate(workers)
    ]
    await asyncio.gather(*(process.work(seconds) for process in processes))
    return provider, began + seconds / 5, began + seconds


@pytest.mark.parametrize("workers", [(64,), EVEN, UNEVEN])
@pytest.mark.parametrize("store", [lambda: 0.002, slow_now_and_then()])
def test_processes_use_all_of_a_request_rate_and_are_never_turned_away(
    workers: Sequence[int], store: Callable[[], float]
) -> None:
    async def scene() -> None:
        provider, since, until = await crowd(Provider(rpm=12_000), workers=workers)
        assert 0.995 <= provider.rate(since, until) / 200.0 <= 1.005
        assert provider.refused == []

    run(scene(), store)


@pytest.mark.parametrize("workers", [(64,), EVEN, UNEVEN])
@pytest.mark.parametrize("told", [0.4, 1.0, 2.0])
def test_processes_use_all_of_a_token_rate_whatever_they_expected_of_a_call(
    workers: Sequence[int], told: float
) -> None:
    async def scene() -> None:
        provider = Provider(tpm=1_200_000)
        used: Callable[[random.Random], int] = lambda chance: chance.randint(20, 400)  # noqa: E731
        _, since, until = await crowd(provider, workers=workers, told=told, used=used)
        assert 0.99 <= provider.tokens_per_second(since, until) / 20_000.0 <= 1.01
        assert provider.refused == []

    run(scene())


@pytest.mark.parametrize("rpm", [30, 600])
def test_slow_providers_are_used_to_the_full_as_well(rpm: int) -> None:
    async def scene() -> None:
        provider, since, until = await crowd(Provider(rpm=rpm), seconds=600.0)
        assert provider.rate(since, until) * 60 == pytest.approx(rpm, rel=0.02)
        assert provider.refused == []

    run(scene())


def test_demand_below_the_limit_does_not_wait_and_asks_once_for_many_calls() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=60_000)
        processes = [
            Process(n, pages, provider, per_minute(60_000), workers=10) for n in range(4)
        ]
        await asyncio.gather(*(one.work(20.0) for one in processes))
        assert len(provider.admitted) >= 0.95 * 4 * 10 * 20.0 / provider.latency
        assert pages.changes <= 4 * 10 * 20

    run(scene())


@pytest.mark.parametrize(
    ("tells", "retry_after", "most"), [(True, None, 20), (False, None, 60), (False, 1.0, 60)]
)
def test_limits_declared_too_high_cost_little(
    tells: bool, retry_after: float | None, most: int
) -> None:
    async def scene() -> None:
        provider = Provider(rpm=6_000, tells=tells, retry_after=retry_after)
        _, since, until = await crowd(provider, declared=1.2, seconds=200.0)
        assert provider.rate(since, until) >= 0.95 * 100.0
        assert len(provider.refused) <= most

    run(scene())


def test_a_limit_that_is_only_told_is_kept_to_by_all() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=6_000)
        processes = [Process(number, pages, provider, {}) for number in range(4)]
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(process.work(30.0) for process in processes))
        refused = [at for at in provider.refused if at > began + 3.0]
        assert provider.rate(began + 3.0, began + 30.0) == pytest.approx(100.0, rel=0.02)
        assert refused == []

    run(scene())


def test_without_any_limit_the_store_is_not_asked() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider()
        process = Process(0, pages, provider, {}, workers=64)
        await process.work(10.0)
        assert len(provider.admitted) >= 0.95 * 64 * 10.0 / provider.latency
        assert pages.changes == 0
        assert pages.looks <= 11  # and off the way of the calls

    run(scene())


def test_a_provider_that_tells_nothing_and_turns_away_is_found_out_by_aimd() -> None:
    async def scene() -> None:
        provider = Provider(rpm=6_000, tells=False)
        pages, began = Pages(), asyncio.get_running_loop().time()
        processes = [Process(number, pages, provider, {}) for number in range(4)]
        await asyncio.gather(*(process.work(120.0) for process in processes))
        assert provider.rate(began + 20.0, began + 120.0) >= 0.95 * 100.0
        assert len(provider.refused) <= 0.03 * len(provider.admitted)

    run(scene())


# Who goes first.


def test_urgent_batches_get_nearly_everything_and_nobody_starves() -> None:
    async def scene() -> None:
        priorities = ("urgent", "high", "normal", "low")
        provider, since, until = await crowd(
            Provider(rpm=12_000), workers=(64,) * 4, priorities=priorities, seconds=60.0
        )
        shares = [provider.rate(since, until, number) / 200.0 for number in range(4)]
        assert sum(shares) == pytest.approx(1.0, abs=0.005)
        assert shares == sorted(shares, reverse=True)
        assert shares[0] > 0.6
        assert shares[3] > 0.01

    run(scene())


def test_an_urgent_batch_that_comes_last_has_its_first_permit_in_half_a_second() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=6_000)
        limits = per_minute(6_000)
        others = [Process(n, pages, provider, limits, 64, "low") for n in range(3)]
        urgent = Process(3, pages, provider, limits, 64, "urgent")
        working = [asyncio.create_task(one.work(20.0)) for one in others]
        await asyncio.sleep(10.0)
        began = asyncio.get_running_loop().time()
        await urgent.work(10.0)
        await asyncio.gather(*working)
        first = next(at for at, number, _ in provider.admitted if number == 3)
        assert first - began <= 0.5
        assert provider.rate(began + 2.0, began + 10.0, 3) > 0.8 * 100.0

    run(scene())


def test_what_a_batch_of_little_demand_leaves_goes_to_the_others() -> None:
    async def scene() -> None:
        provider, since, until = await crowd(
            Provider(rpm=12_000, latency=2.0), workers=(600, 600, 600, 20)
        )
        assert provider.rate(since, until) == pytest.approx(200.0, rel=0.005)
        assert provider.rate(since, until, 3) >= 0.8 * 20 / 2.0

    run(scene())


def test_a_jobs_own_ceiling_leaves_the_rest_to_the_others() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=12_000)
        limits = per_minute(12_000)
        began = asyncio.get_running_loop().time()
        bounded = Process(0, pages, provider, limits, 64, ceiling=Limiter(600))
        free = Process(1, pages, provider, limits, 64)
        await asyncio.gather(bounded.work(30.0), free.work(30.0))
        since, until = began + 5.0, began + 30.0
        assert provider.rate(since, until, 0) == pytest.approx(10.0, rel=0.03)
        assert provider.rate(since, until) == pytest.approx(200.0, rel=0.01)

    run(scene())


# What goes wrong.


def test_a_hold_stops_everybody_and_costs_nothing_after_it() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=6_000)
        clock = asyncio.get_running_loop().time
        processes = [Process(n, pages, provider, per_minute(6_000)) for n in range(3)]
        processes.append(Process(3, pages, provider, {}))  # of a registry that declares nothing
        working = [asyncio.create_task(one.work(30.0)) for one in processes]
        await asyncio.sleep(5.0)
        processes[0].gate.hold(clock() + 5.0)
        held = clock()
        await asyncio.gather(*working)
        assert provider.rate(held + 1.1, held + 5.0) == 0.0
        assert provider.rate(held + 5.5, held + 20.0) == pytest.approx(100.0, rel=0.02)

    run(scene())


def test_a_process_that_dies_takes_no_more_with_it_than_its_slice() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=12_000)
        limits, began = per_minute(12_000), asyncio.get_running_loop().time()
        victim, *others = (Process(n, pages, provider, limits, 64) for n in range(3))
        await asyncio.gather(
            victim.work(10.0, dies=True), *(one.work(20.0) for one in others)
        )
        death = began + 10.0
        assert provider.rate(death, death + 5.0) >= 200.0 - 0.5 * 200.0 / 5.0
        assert provider.rate(death + 1.0, death + 10.0) >= 0.995 * 200.0

    run(scene())


def test_what_a_run_has_not_used_at_its_end_is_there_for_the_next_one() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=60)
        clock = asyncio.get_running_loop().time
        await Process(0, pages, provider, per_minute(60), 1).work(0.5)
        ended = clock()
        await Process(1, pages, provider, per_minute(60), 1).work(5.0)
        assert pages.page.askers == {}
        first = next(at for at, number, _ in provider.admitted if number == 1)
        assert first - ended <= 0.6  # and not behind slots that nobody uses

    run(scene())


def test_without_the_store_each_keeps_to_the_share_it_had_and_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="batch_ai")

    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=12_000)
        clock = asyncio.get_running_loop().time
        processes = [Process(n, pages, provider, per_minute(12_000), 64) for n in range(4)]
        working = [asyncio.create_task(one.work(40.0)) for one in processes]
        await asyncio.sleep(10.0)
        pages.away, gone = True, clock()
        await asyncio.sleep(15.0)
        pages.away, back = False, clock()
        await asyncio.gather(*working)
        assert 0.9 * 200.0 <= provider.rate(gone + 1.0, back) <= 200.0
        assert provider.rate(back + 2.0, back + 15.0) == pytest.approx(200.0, rel=0.01)
        assert provider.refused == []

    run(scene())
    events = [record.message for record in caplog.records]
    assert sum("slots_not_shared" in event for event in events) == 4
    assert sum('"slots_shared"' in event for event in events) == 4


def test_a_store_that_never_answers_does_not_stop_a_batch() -> None:
    async def scene() -> None:
        pages, provider = Pages(), Provider(rpm=12_000)
        process = Process(0, pages, provider, per_minute(12_000), 64)
        working = asyncio.create_task(process.work(20.0))
        await asyncio.sleep(5.0)
        asyncio.get_running_loop().thread_seconds = lambda: 60.0  # type: ignore[attr-defined]
        gone = asyncio.get_running_loop().time()
        await working
        assert provider.rate(gone + 3.0, gone + 14.0) == pytest.approx(200.0, rel=0.02)
        assert provider.refused == []

    run(scene())
