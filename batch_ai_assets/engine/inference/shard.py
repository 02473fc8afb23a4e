"""A shard's workers: a bounded crew that takes items from the line until none needs a call.

Here is who waits, who goes on and who stops. Which items are next is `line.py`'s; what a reply
means is `outcome.py` and `attempt.py`; how fast is `gate.py`; how much is `control/budget.py`.
Nothing here knows its host.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from ..control.budget import Bound, Purse
from ..errors import BatchAIError
from ..spec.resolved import ResolvedJob
from ..state.boosts import Boost
from ..state.rows import Plan
from ..state.writer import Writer
from .attempt import Judge, Judged
from .booking import Cost
from .feed import CHUNK, Feed
from .funding import Funded, Funding
from .gate import Gate
from .item import WorkItem, alone, in_smaller_company
from .line import Line
from .outcome import Failure, FailureClass, Reply, interpret
from .packed import PackedTemplate
from .request import RequestTemplate
from .sequel import Counts, Sequel
from .setbacks import Setbacks
from .transport import Broken, Transport, Unreachable


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
        plan: Plan,
        gate: Gate,
        grace_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job = job
        self._template = template
        self._packed = PackedTemplate(job) if template.together > 1 else None
        self._judge = judge
        self._writer = writer
        self._purse = purse
        self._run_id = run_id
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._size = job.spec.limits.concurrency
        self.began_at = clock()
        self.gate = gate
        self.setbacks = Setbacks(job, self.gate, self.stop)
        self._probe = asyncio.Lock()
        self.line = _line(template, self._packed, asks_once=plan.mode != "fresh")
        self._fill = CHUNK + self._size * template.together
        """So many items in line, and no more is read."""
        self._expected_out = float(template.max_tokens)
        self._fed = asyncio.Event()
        self._feed_wanted = asyncio.Event()
        self.funding = Funding(plan, purse, writer, self.stop, self.pause)
        self._stop_event = asyncio.Event()
        self._asking = 0
        """Workers that have items in their hands."""
        self._workers: list[asyncio.Task[None]] = []
        self._sent_at: list[float] = []
        self._timed_out: set[int] = set()
        self.transport: Transport | None = None
        self.stopped: BatchAIError | None = None
        self.counts = Counts()
        self._sequel = Sequel(self.line, judge, writer, self.counts)

    async def work(self, feed: Feed) -> None:
        """One pass over `feed`: every item it gives gets one finished attempt.

        Returns early where something stopped the crew; `stopped` says what.
        """
        self._workers, self._sent_at = [], []
        self.line.begin()
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
            self.line.end()  # nobody takes any more, whatever sent the workers home
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
        self.funding.end()
        self._feed_wanted.set()
        current = asyncio.current_task()
        for number, task in enumerate(self._workers):
            if not self._sent_at[number] and task is not current:
                task.cancel()

    def hurry(self, boost: Boost) -> None:
        """More calls in flight, within the job's limits; whoever comes back brings others along."""
        self._size = max(self._size, min(boost.concurrency, self._job.spec.limits.most))
        self._fill = CHUNK + self._size * self._template.together
        self.gate.hurry(self._size, urgent=boost.urgent)

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
        line = self.line
        try:
            while not self.stopped and not line.ended:
                chunk = await asyncio.to_thread(feed.next_chunk)
                self.counts.done += feed.served_since_last()
                if chunk is None:
                    break
                line.feed(chunk)
                self._fed.set()
                while len(line) > self._fill and not self.stopped and not line.ended:
                    self._feed_wanted.clear()
                    await self._feed_wanted.wait()
        except BatchAIError as error:
            self.stop(error)
        finally:
            line.end()
            self._fed.set()

    async def _run_worker(self, number: int) -> None:
        worker = f"{self._run_id}/{number}"
        line, wanted, breaker = self.line, self._feed_wanted, self.setbacks.breaker
        while not self.stopped:
            items = line.take()
            if not wanted.is_set() and len(line) <= self._fill:
                wanted.set()
            if not items:
                if line.empty and not self._asking:
                    self._fed.set()  # the others may go, too
                    return
                self._fed.clear()  # a call under way may come to nothing and be split
                await self._fed.wait()
                continue
            self._asking += 1
            try:
                if self._writer.full or self._writer.error:
                    await self._wait_for_writer()
                if breaker.open:
                    await self._ask_in_turn(items, number, worker)
                else:
                    await self._ask(items, number, worker)
            finally:
                self._asking -= 1

    async def _ask_in_turn(self, items: list[WorkItem], number: int, worker: str) -> None:
        """One at a time while the provider seems to be away."""
        async with self._probe:
            if self.setbacks.breaker.open:
                await self._ask(items, number, worker)
                return
        await self._ask(items, number, worker)

    async def _wait_for_writer(self) -> None:
        while self._writer.full and not self._writer.error and not self.stopped:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if self._writer.error:
            self.stop(self._writer.error)

    async def _ask(self, items: list[WorkItem], number: int, worker: str) -> None:
        """Take a request for `items` through budget and limiter, send it, act on what comes back.

        Where something stops the crew on the way they stay as they are: pending.
        """
        body, most = self._rendered(items)
        bound = self._purse.bound(len(body), most)
        if self.stopped:
            return
        if not self._purse.reserve(bound):
            funded = await self.funding.reserved(bound, len(items))
            if funded is Funded.FOR_FEWER:
                self.line.again(in_smaller_company(items))
            if funded is not Funded.YES:
                return
        tokens = (
            self._template.prompt_tokens + sum([item.tokens for item in items]),
            self._expected_out * len(items),
        )
        if not self.gate.passes(*tokens):
            try:
                await self.gate.wait(*tokens)
            except asyncio.CancelledError:
                self.funding.settle(bound, 0.0, 0)
                raise
        sent_at = self._sent_at[number] = self._clock()
        try:
            result = await self._send(body, number, sent_at)
        except asyncio.CancelledError:
            self._abandon(items, worker, bound)
            raise
        if isinstance(result, Reply):
            try:
                judged = self._judge.reply(items, worker, result, bound)
            except Exception:  # a defect of ours: the call was paid all the same
                self._abandon(items, worker, bound)
                raise
        elif self.setbacks.goes_back(
            items[0], result, sent_at, self._clock(), alone=len(items) == 1
        ):
            self.funding.settle(bound, 0.0, 0)
            self._put_back(items, result)
            return
        else:
            judged = self._judge.failure(items, worker, result, bound)
        self._finish(items, judged, worker, bound, tokens, sent_at)

    def _put_back(self, items: list[WorkItem], failure: Failure) -> None:
        """In line again. Whether the provider is away is asked with one document, not with twenty:
        each of those may be the cause."""
        if len(items) > 1 and failure.kind is FailureClass.TRANSIENT:
            self.line.again([alone(items[0])])
            items = items[1:]
        self.line.back(items)

    def _rendered(self, items: list[WorkItem]) -> tuple[bytes, int]:
        """The body of the request, and how many tokens its answer may have."""
        if len(items) == 1:
            item = items[0]
            return self._template.request(item.text, item.input_hash, item.correction)
        assert self._packed is not None
        return self._packed.request(items)

    async def _send(self, body: bytes, number: int, sent_at: float) -> Reply | Failure:
        """What came back, or why nothing did; the gate is told of both."""
        assert self.transport is not None
        status = None
        try:
            status, headers, answer = await self.transport.post(body)
            self.gate.answered(status, headers, sent_at)
            return interpret(status, headers, answer)
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
            if status is None:
                self.gate.ended()

    def _finish(
        self,
        items: list[WorkItem],
        judged: list[Judged],
        worker: str,
        bound: Bound,
        told: Cost,
        sent_at: float,
    ) -> None:
        """The books of one call, and what becomes of each of its items."""
        tokens_in = tokens_out = 0
        cost = 0.0
        for one in judged:
            entry = one.entry
            self._writer.put(entry)
            tokens_in += entry.tokens_in
            tokens_out += entry.tokens_out
            cost += entry.cost_usd
        self.funding.settle(bound, cost, tokens_in + tokens_out)
        if judged[0].entry.money == "settled":  # it came back, whatever it says
            self.setbacks.answered(sent_at)
            self.gate.correct(told, (tokens_in, tokens_out))
            self._expected_out += 0.1 * (tokens_out / len(items) - self._expected_out)
        else:
            self.setbacks.settled()
        if self._sequel.follow(items, judged, worker):
            self._fed.set()
        if len(self._workers) < self._size and not self.stopped:
            self._hire(len(self._workers))

    def _abandon(self, items: list[WorkItem], worker: str, bound: Bound) -> None:
        """A call cut off at the end of the grace: it may be billed, so its bound is spent."""
        failure = Failure(
            FailureClass.TRANSIENT, "abandoned", "Stopped before an answer came.", may_cost=True
        )
        for one in self._judge.failure(items, worker, failure, bound):
            self._writer.put(one.entry)
        self.funding.settle(bound, bound.usd, bound.tokens)

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


def _line(template: RequestTemplate, packed: PackedTemplate | None, *, asks_once: bool) -> Line:
    if packed is None:
        return Line(asks_once=asks_once)
    return Line(template.together, packed.room, packed.item_weight, asks_once=asks_once)


def _raise_first_error(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error
