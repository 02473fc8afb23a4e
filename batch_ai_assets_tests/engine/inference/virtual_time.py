"""Real gates in virtual time: hours of limiting in a second, and every run the same.

An event loop whose clock jumps to the next timer; a store of pages in memory that answers after a
while, or not at all; a provider with token buckets; and processes that keep so many calls in
flight.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from batch_ai_assets.engine.errors import StateError
from batch_ai_assets.engine.inference.aimd import Window
from batch_ai_assets.engine.inference.gate import Gate
from batch_ai_assets.engine.inference.limiter import Limiter
from batch_ai_assets.engine.inference.news import Limits
from batch_ai_assets.engine.inference.pacer import Pacer
from batch_ai_assets.engine.state.send_slots import Dimension, Page
from batch_ai_assets.local_provider.buckets import RateLimits

T = TypeVar("T")

EPOCH = 1_800_000_000.0
"""What the page's clock is ahead of the loop's."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only while everybody waits; work in threads takes `thread_seconds`."""

    def __init__(self, thread_seconds: Callable[[], float] = lambda: 0.002) -> None:
        self.now = 100.0
        self.thread_seconds = thread_seconds
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()

        def act() -> None:
            if future.done():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(self.thread_seconds(), act)
        return future


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everybody waits for ever"
        self._loop.now += max(0.0, timeout)
        return super().select(0)


def run(work: Coroutine[Any, Any, T], thread_seconds: Callable[[], float] = lambda: 0.002) -> T:
    """Run `work` in virtual time."""
    loop = VirtualLoop(thread_seconds)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


class Pages:
    """One page in memory, in place of `SendSlots`."""

    def __init__(self) -> None:
        self.page = Page()
        self.away = False
        self.changes = 0
        self.looks = 0

    def _now(self) -> tuple[float, float]:
        steady = asyncio.get_running_loop().time()
        return steady + EPOCH, EPOCH

    def change(self, key: str, work: Callable[[Page, float], tuple[Page, T]]) -> tuple[T, float]:
        self.changes += 1
        if self.away:
            raise StateError("The state store cannot be used: database is locked.")
        now, ahead = self._now()
        self.page, result = work(self.page, now)
        return result, ahead

    def look(self, key: str) -> tuple[Page, float, float] | None:
        self.looks += 1
        if self.away:
            raise StateError("The state store cannot be used: database is locked.")
        return (self.page, *self._now()) if self.changes else None


@dataclass
class Provider:
    """Answers after `latency` seconds, or says 429 at once."""

    rpm: int | None = None
    tpm: int | None = None
    latency: float = 0.2
    tells: bool = True
    """Whether its answers name its limits."""
    retry_after: float | None = None
    """What a 429 says; the time until the bucket has something, where it is None."""
    admitted: list[tuple[float, int, float]] = field(default_factory=list)
    """(when, from which process, tokens)."""
    refused: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.buckets = RateLimits(self.rpm, self.tpm, 1.0, asyncio.get_running_loop().time())

    async def call(self, process: int, tokens: int) -> tuple[int, dict[str, str], float]:
        """Status, headers, seconds to wait."""
        now = asyncio.get_running_loop().time()
        refusal = self.buckets.admit(tokens, now)
        if refusal is not None:
            self.refused.append(now)
            await asyncio.sleep(0.005)
            wait = self.retry_after or refusal.retry_after_seconds
            return 429, self._headers(), wait
        self.admitted.append((now, process, tokens))
        await asyncio.sleep(self.latency)
        return 200, self._headers(), 0.0

    def _headers(self) -> dict[str, str]:
        if not self.tells:
            return {}
        limits = {"requests": self.rpm, "tokens": self.tpm}
        return {f"x-ratelimit-limit-{n}": str(v) for n, v in limits.items() if v is not None}

    def rate(self, since: float, until: float, process: int | None = None) -> float:
        """Calls a second in a stretch of time."""
        return len(self._within(since, until, process)) / (until - since)

    def tokens_per_second(self, since: float, until: float) -> float:
        return sum(tokens for *_, tokens in self._within(since, until, None)) / (until - since)

    def _within(
        self, since: float, until: float, process: int | None
    ) -> list[tuple[float, int, float]]:
        return [
            one for one in self.admitted
            if since <= one[0] < until and process in (None, one[1])
        ]  # fmt: skip


@dataclass
class Process:
    """A run: a gate, and workers that keep so many calls in flight."""

    number: int
    pages: Pages
    provider: Provider
    declared: Limits
    workers: int = 16
    priority: str = "normal"
    used: Callable[[random.Random], int] = lambda chance: 100
    """Tokens of a call, half of them answered."""
    told: float = 1.0
    """What is expected of a call, over what it takes."""
    ceiling: Limiter | None = None

    def __post_init__(self) -> None:
        clock = asyncio.get_running_loop().time
        # The pages stand in for SendSlots: they have the two methods that are called.
        self.pacer = Pacer(self.pages, self.declared, self.priority, "stub", clock)  # type: ignore[arg-type]
        window = None if self.declared else Window(self.workers)
        self.gate = Gate(self.ceiling, self.pacer, window, clock)
        self._answered = asyncio.Event()
        self._chance = random.Random(self.number)

    async def work(self, seconds: float, *, dies: bool = False) -> None:
        """Keep calling for so long; `dies`: then be gone without a word."""
        opened = self.gate.open("http://127.0.0.1:1/v1", None)
        await opened.__aenter__()
        crew = [asyncio.create_task(self._work(number)) for number in range(self.workers)]
        await asyncio.sleep(seconds)
        for worker in crew:
            worker.cancel()
        await asyncio.gather(*crew, return_exceptions=True)
        if not dies:
            await opened.__aexit__(None, None, None)

    async def _work(self, number: int) -> None:
        clock = asyncio.get_running_loop().time
        if number:  # the first call goes alone, as a crew's does
            await self._answered.wait()
        while True:
            used = self.used(self._chance)
            told = (used * self.told / 2, used * self.told / 2)
            if not self.gate.passes(*told):
                await self.gate.wait(*told)
            sent_at = clock()
            try:
                status, headers, wait = await self.provider.call(self.number, used)
            except asyncio.CancelledError:
                self.gate.ended()
                raise
            self.gate.answered(status, headers, sent_at)
            if status == 429:
                self.gate.hold(clock() + wait)
            else:
                self.gate.correct(told, (used / 2, used / 2))
            self._answered.set()


def per_minute(requests: float | None = None, tokens: float | None = None) -> Mapping[Any, float]:
    """Declared limits, units per second."""
    limits = {Dimension.REQUESTS: requests, Dimension.TOKENS: tokens}
    return {d: value / 60.0 for d, value in limits.items() if value is not None}
