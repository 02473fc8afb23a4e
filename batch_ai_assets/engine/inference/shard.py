"""A shard's workers: a bounded crew that takes items from the feed until none needs a call.

Here is who waits, who goes on and who stops. What a reply means is `outcome.py` and `attempt.py`;
how fast is `limiter.py`; how much is `control/budget.py`. Nothing here knows its host.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ..control.budget import Bound, Purse
from ..errors import BatchAIError, BatchHalted
from ..spec.resolved import ResolvedJob
from ..state.writer import Writer
from .attempt import Judge, Judged
from .feed import CHUNK, Feed, WorkItem, corrected
from .limiter import Gate, Limiter
from .outcome import Failure, FailureClass, Reply, interpret
from .request import RequestTemplate
from .setbacks import Setbacks
from .transport import Broken, Transport, Unreachable

_RECENT = 8192
"""Answers of which items that were read before them may not know: more than are ever in line."""


@dataclass(slots=True)
class Counts:
    """What this run did so far; for progress, not for the books."""

    done: int = 0
    dead: int = 0
    finished: int = 0
    """Items that ended a pass, whatever came of them."""
    failed: int = 0
    """Items that ended a pass without a usable answer."""
    erring: int = 0
    """Of those, items whose answers or refusals came from a provider that is well."""
    followers: int = 0
    """Items whose question was being asked for another item: the next pass serves them."""
    failures: Counter[str] = field(default_factory=Counter)
    """How often each message was the last word on an item in a pass."""


class Crew:
    """The workers of one shard in one run."""

    def __init__(
        self,
        job: ResolvedJob,
        template: RequestTemplate,
        judge: Judge,
        writer: Writer,
        purse: Purse,
        run_id: str,
        plan_mode: str,
        grace_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits, allowed = job.spec.limits, job.provider.limits
        self._job = job
        self._template = template
        self._judge = judge
        self._writer = writer
        self._purse = purse
        self._run_id = run_id
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._size = limits.concurrency
        self.began_at = clock()
        self._gate = Gate(
            Limiter(
                _lower(limits.requests_per_minute, allowed.requests_per_minute),
                _lower(limits.tokens_per_minute, allowed.tokens_per_minute),
            ),
            clock,
        )
        self.setbacks = Setbacks(job, self._gate, self.stop)
        self._probe = asyncio.Lock()
        self._flying: set[bytes] = set()
        """Request hashes that are being asked, or were answered a moment ago."""
        self._recent: deque[bytes] = deque(maxlen=_RECENT)
        self._expected_out = float(template.max_tokens)
        self._ready: deque[WorkItem] = deque()
        self._fed = asyncio.Event()
        self._feed_ended = False
        self._feed_wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._stop_event = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._sent_at: list[float] = []
        self._timed_out: set[int] = set()
        self.transport: Transport | None = None
        self.stopped: BatchAIError | None = None
        self._asks_once = plan_mode != "fresh"
        self.counts = Counts()

    async def work(self, feed: Feed) -> None:
        """One pass over `feed`: every item it gives gets one finished attempt.

        Returns early where something stopped the crew; `stopped` says what.
        """
        self._feed_ended = False
        self._workers, self._sent_at = [], []
        self._flying.clear()
        self._recent.clear()
        feeding = asyncio.create_task(self._keep_fed(feed))
        sweeping = asyncio.create_task(self._sweep_timeouts())
        stopping = asyncio.create_task(self._stop_event.wait())
        try:
            self._hire(1)
            while waiting := [task for task in self._workers if not task.done()]:
                if self.stopped:
                    await self._drain(waiting)
                    break
                await asyncio.wait([*waiting, stopping], return_when=asyncio.FIRST_COMPLETED)
                _raise_first_error(waiting)
            _raise_first_error(self._workers)
        finally:
            for task in self._workers:
                task.cancel()
            self._feed_wanted.set()
            sweeping.cancel()
            stopping.cancel()
            await asyncio.gather(feeding, return_exceptions=self.stopped is not None)

    def stop(self, why: BatchAIError) -> None:
        """Take no more. Calls in flight go on; workers that only wait are sent home."""
        if self.stopped is not None:
            return
        self.stopped = why
        self._stop_event.set()
        self._fed.set()
        self._settled.set()
        self._feed_wanted.set()
        current = asyncio.current_task()
        for number, task in enumerate(self._workers):
            if not self._sent_at[number] and task is not current:
                task.cancel()

    async def pause(self, seconds: float) -> None:
        """Wait, unless something stops the crew."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop_event.wait(), seconds)

    async def _drain(self, waiting: list[asyncio.Task[None]]) -> None:
        _, late = await asyncio.wait(waiting, timeout=self._grace_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _hire(self, more: int) -> None:
        """The first call goes alone, then the crew doubles: a bad key costs one refusal."""
        for _ in range(min(more, self._size - len(self._workers))):
            number = len(self._workers)
            self._sent_at.append(0.0)
            self._workers.append(asyncio.create_task(self._run_worker(number)))

    async def _keep_fed(self, feed: Feed) -> None:
        try:
            while not self.stopped:
                chunk = await asyncio.to_thread(feed.next_chunk)
                self.counts.done += feed.served_since_last()
                if chunk is None:
                    break
                self._ready.extend(chunk)
                self._fed.set()
                while len(self._ready) > CHUNK + self._size and not self.stopped:
                    self._feed_wanted.clear()
                    await self._feed_wanted.wait()
        except BatchAIError as error:
            self.stop(error)
        finally:
            self._feed_ended = True
            self._fed.set()

    async def _run_worker(self, number: int) -> None:
        worker = f"{self._run_id}/{number}"
        ready = self._ready
        while not self.stopped:
            if not ready:
                if self._feed_ended:
                    return
                self._fed.clear()
                self._feed_wanted.set()
                await self._fed.wait()
                continue
            item = ready.popleft()
            if len(ready) <= CHUNK:
                self._feed_wanted.set()
            if self._writer.full or self._writer.error:
                await self._wait_for_writer()
            if self.setbacks.breaker.open:
                async with self._probe:
                    if self.setbacks.breaker.open:
                        await self._handle(item, number, worker)
                        continue
            await self._handle(item, number, worker)

    async def _wait_for_writer(self) -> None:
        while self._writer.full and not self._writer.error and not self.stopped:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if self._writer.error:
            self.stop(self._writer.error)

    async def _handle(self, item: WorkItem, number: int, worker: str) -> None:
        """Ask about `item`, unless the same question is being asked: then the next pass serves it.

        The question is taken before the first wait: two workers at the gate must not both ask it.
        """
        if not self._asks_once:
            await self._ask(item, number, worker)
            return
        if item.request_hash in self._flying:
            self.counts.followers += 1
            return
        self._flying.add(item.request_hash)
        answered = False
        try:
            answered = await self._ask(item, number, worker)
        finally:
            if not answered:
                self._flying.discard(item.request_hash)

    async def _ask(self, item: WorkItem, number: int, worker: str) -> bool:
        """Take `item` through budget and limiter, send it, and act on what comes back.

        True where the answer is usable.
        """
        body, most = self._template.request(item.text, item.input_hash, item.correction)
        bound = self._purse.bound(len(body), most)
        if self.stopped or not await self._reserved(bound):
            return False
        tokens = item.tokens + int(self._expected_out)
        if not self._gate.passes(tokens):
            try:
                await self._gate.wait(tokens)
            except asyncio.CancelledError:
                self._settle(bound, 0.0, 0)
                raise
        sent_at = self._clock()
        try:
            result = await self._send(body, number)
        except asyncio.CancelledError:
            self._abandon(item, worker, bound)
            raise
        if isinstance(result, Reply):
            judged = self._judge.reply(item, worker, result, bound)
        elif self.setbacks.goes_back(item, result, sent_at, self._clock()):
            self._settle(bound, 0.0, 0)
            self._ready.append(item)
            return False
        else:
            judged = self._judge.failure(item, worker, result, bound)
        self._finish(item, judged, bound, tokens, sent_at)
        return judged.failure is None

    async def _reserved(self, bound: Bound) -> bool:
        """True with the money reserved; False where the batch stopped."""
        while not self._purse.reserve(bound):
            if not self._purse.in_flight:
                self.stop(
                    BatchHalted(
                        "budget",
                        f"Budget of {self._job.name}: {self._purse.shortfall(bound)}. No further "
                        "call leaves. Raise budget in job.yaml and run the batch again; it goes "
                        "on where it stopped.",
                    )
                )
            if self.stopped:
                return False
            self._settled.clear()
            await self._settled.wait()
        return True

    async def _send(self, body: bytes, number: int) -> Reply | Failure:
        assert self.transport is not None
        self._sent_at[number] = self._clock()
        try:
            return interpret(*await self.transport.post(body))
        except Unreachable as error:
            return Failure(FailureClass.UNREACHABLE, "unreachable", str(error))
        except Broken as error:
            return Failure(FailureClass.TRANSIENT, "connection_lost", str(error), may_cost=True)
        except asyncio.CancelledError:
            if number not in self._timed_out:
                raise
            self._timed_out.discard(number)
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            seconds = self._job.spec.retry.timeout_seconds
            return Failure(
                FailureClass.TRANSIENT, "timeout", f"No answer after {seconds:g} s.", may_cost=True
            )
        finally:
            self._sent_at[number] = 0.0

    def _finish(
        self, item: WorkItem, judged: Judged, bound: Bound, tokens: int, sent_at: float
    ) -> None:
        entry, failure = judged.entry, judged.failure
        self._writer.put(entry)
        used = entry.tokens_in + entry.tokens_out
        self._settle(bound, entry.cost_usd, used)
        self.setbacks.settled()
        again = None if failure is None or entry.letter else corrected(item, failure)
        if again is None:
            self.counts.finished += 1
        if entry.money == "settled":  # it came back, whatever it says
            self.setbacks.answered(sent_at)
            self._gate.limiter.correct(used - tokens)
            self._expected_out += 0.1 * (entry.tokens_out - self._expected_out)
        if failure is None:
            self._remember(item)
            self.counts.done += 1
        elif entry.letter is not None:
            self.counts.done += 1
            self.counts.dead += 1
            self._count_failed(failure)
        elif again is not None:
            self._ready.appendleft(again)
        else:
            self._count_failed(failure)
        if len(self._workers) < self._size and not self.stopped:
            self._hire(len(self._workers))

    def _remember(self, item: WorkItem) -> None:
        """An answer that is on its way into the store: what was read before may not know of it."""
        if len(self._recent) == self._recent.maxlen:
            self._flying.discard(self._recent[0])
        self._recent.append(item.request_hash)

    def _count_failed(self, failure: Failure) -> None:
        self.counts.failed += 1
        self.counts.erring += failure.kind in (FailureClass.INVALID, FailureClass.PERMANENT)
        self.counts.failures[failure.message] += 1

    def _settle(self, bound: Bound, cost_usd: float, tokens: int) -> None:
        self._purse.settle(bound, cost_usd, tokens)
        self._settled.set()

    def _abandon(self, item: WorkItem, worker: str, bound: Bound) -> None:
        """A call cut off at the end of the grace: it may be billed, so its bound is spent."""
        failure = Failure(
            FailureClass.TRANSIENT, "abandoned", "Stopped before an answer came.", may_cost=True
        )
        self._writer.put(self._judge.failure(item, worker, failure, bound).entry)
        self._settle(bound, bound.usd, bound.tokens)

    async def _sweep_timeouts(self) -> None:
        """One clock for all calls in flight, instead of a timer each."""
        limit = self._job.spec.retry.timeout_seconds
        while True:
            await asyncio.sleep(min(0.5, limit / 10))
            now = self._clock()
            for number, sent_at in enumerate(self._sent_at):
                if sent_at and now - sent_at > limit and number not in self._timed_out:
                    self._timed_out.add(number)
                    self._workers[number].cancel()


def _raise_first_error(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error


def _lower(*limits: int | None) -> int | None:
    """The lower of the limits that are set."""
    return min((limit for limit in limits if limit is not None), default=None)
