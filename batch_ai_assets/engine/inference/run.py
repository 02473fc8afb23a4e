"""run_shards: ask the provider about every item of some shards that needs it, in passes.

The primary pass, then retry sweeps with growing pauses. Signals drain: no further call leaves,
calls in flight may answer within the grace, everything is committed, then the run ends.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from ..control.budget import Purse, limits_of
from ..control.early_stop import (
    REASON,
    PassFigures,
    Recent,
    after_canary,
    after_primary_pass,
    wants_canary,
    wants_window,
    words,
)
from ..control.progress import project
from ..deadletter.letter import LetterWriter
from ..deps import Deps
from ..errors import BatchHalted, BatchInterrupted, StateError
from ..events import log_event
from ..spec.resolved import ResolvedJob
from ..state.rows import Plan
from ..state.till import Till
from ..state.writer import Writer
from ..tables import BatchTable
from . import event_loop
from .attempt import Judge
from .backoff import Backoff
from .feed import Feed
from .gate import Gate
from .item import WorkItem
from .lookup import look_up_model
from .loop_lag import LoopLag
from .paced import Paced
from .probe import answers
from .request import RequestTemplate
from .sequel import Counts
from .shard import Crew
from .steered import Steered
from .transport import open_transport

_PROGRESS_SECONDS = 1.0
_LOGGED_PROGRESS_SECONDS = 10.0
_OTHERS_SECONDS = 1.0
"""How often is looked whether another batch has answered."""


def run_shards(
    job: ResolvedJob,
    plan: Plan,
    raw: BatchTable,
    shards: Sequence[int],
    run_id: str,
    deps: Deps,
) -> None:
    """Return when no item of these shards needs a call; everything is committed then.

    `job`: as the group is asked that all these shards belong to. Nothing here knows its host: the
    shards of a batch may be worked in one process or in many. Raises BatchHalted,
    BatchInterrupted or StateError; what was answered is committed as far as the store allows.
    """
    if not deps.store.items.left_to_do(plan, shards):
        return
    with _signals_restored(), _rare_garbage_collection():
        event_loop.run(_Shards(job, plan, raw, shards, run_id, deps).run())


class _Shards:
    def __init__(
        self,
        job: ResolvedJob,
        plan: Plan,
        raw: BatchTable,
        shards: Sequence[int],
        run_id: str,
        deps: Deps,
    ) -> None:
        self._job, self._plan, self._raw, self._shards = job, plan, raw, shards
        self._run_id, self._deps = run_id, deps
        self._template = RequestTemplate(job)
        self._turn: int | None = None
        self._waits_for_others = False

    async def run(self) -> None:
        deps, job = self._deps, self._job
        counts = deps.store.conservation(self._plan)
        left = deps.store.items.left_to_do(self._plan)
        self._total = counts.items
        self._done_before = counts.items - left
        self._dead_before = counts.dead
        loop = asyncio.get_running_loop()
        self._open_books(loop)
        self._gate = Gate.of(job, deps.store.send_slots)
        self._crew = Crew(
            job, self._template, self._judge, self._writer, self._purse, self._run_id,
            self._plan, self._gate, deps.grace_seconds,
        )  # fmt: skip
        answered = deps.store.figures(job.name, self._plan.batch).answered
        self._crew.setbacks.ever_answered = answered > 0
        self._catch_signals(loop)
        lag = LoopLag()
        steered = Steered(job, self._plan, self._crew, deps)
        paced = Paced(
            self._plan, self._run_id, self._crew, self._gate, self._total, self._done_before, deps
        )
        beside = [
            asyncio.create_task(task)
            for task in (self._show_progress(), lag.watch(), steered.watch(), paced.watch())
        ]
        askers, kind = deps.store.askers, self._template.kind
        try:
            if self._plan.mode != "fresh":
                self._turn = await asyncio.to_thread(
                    askers.begin, self._plan, kind, self._run_id
                )
            await self._passes()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.to_thread(self._writer.close)
            await paced.take()
            log_event(
                "asking_ended",
                job=self._job.name, batch=self._plan.batch,
                loop_lag_seconds=round(lag.worst, 3), own_lag_seconds=round(lag.own, 3),
            )  # fmt: skip
            with suppress(StateError):  # an asker whose lease has ended is none
                await asyncio.to_thread(askers.end, self._plan, kind, self._run_id)
                if not self._writer.error:
                    await asyncio.to_thread(deps.store.budgets.end, self._plan, self._run_id)
            self._report_progress("running")
        if self._crew.setbacks.throttled and not self._writer.error:
            deps.store.batches.add_throttled(self._plan.plan_id, self._crew.setbacks.throttled)
        if why := self._crew.stopped or self._writer.error:
            raise why

    def _open_books(self, loop: asyncio.AbstractEventLoop) -> None:
        """Purse, till and writer: what is answered and what it costs go to disk together."""
        deps, job = self._deps, self._job
        before = deps.store.budgets.begin(self._plan, self._run_id)

        def wake() -> None:
            loop.call_soon_threadsafe(self._crew.funding.moved)

        rate = job.offer.rate
        self._purse = Purse(rate, before.spent_usd, before.spent_tokens, wake)
        till = Till(
            deps.store.budgets, self._plan, self._run_id, self._purse,
            partial(limits_of, job.spec, job.provider.limits, self._plan),
        )  # fmt: skip
        self._writer = Writer(
            deps.store.database, self._plan, deps.sealer, run_id=self._run_id, till=till
        )
        self._judge = Judge(job, LetterWriter(self._plan, deps.sealer), rate)

    async def _passes(self) -> None:
        """Primary pass and sweeps. The provider is opened only if something must be asked."""
        feed = self._feed()
        while (first := await asyncio.to_thread(_first_chunk, feed)) is None:
            await asyncio.to_thread(self._writer.flush)
            self._crew.counts.done += feed.served_since_last()
            if not feed.elsewhere or not await self._waited_for_others(feed):
                return
            feed = self._feed()
        feed.give_back(first)
        seconds = self._job.spec.retry.timeout_seconds
        with self._deps.open_endpoint(self._job) as endpoint:
            await asyncio.to_thread(look_up_model, self._job, endpoint)
            shared = self._gate.open(endpoint.base_url, self._job.provider.secret)
            async with open_transport(endpoint, seconds) as transport, shared:
                self._crew.transport = transport
                await self._ask(feed)

    async def _ask(self, feed: Feed) -> None:
        spec = self._job.spec.early_stop
        canary = PassFigures(0, 0, 0, 0, Counter())
        to_ask = await asyncio.to_thread(self._left)
        if wants_canary(spec, to_ask):
            # What the feed has served on its way here must not be served again.
            await asyncio.to_thread(self._writer.flush)
            canary = await self._pass(self._feed(spec.canary_items), 0)
            self._halt_if(after_canary(spec, canary), canary.messages)
            if self._crew.stopped:
                return
            feed = self._feed()  # the one that was given holds the canary's items as well
        if wants_window(spec, to_ask):
            self._crew.counts.on_erring = self._watch(Recent(spec))
        backoff, number, sweeps = Backoff(self._job.spec.retry), 1, 1
        while True:
            found = await self._pass(feed, number)
            self._crew.counts.on_erring = None
            if self._crew.stopped:
                return
            left = await asyncio.to_thread(self._left)
            log_event(
                "pass_finished",
                job=self._job.name, batch=self._plan.batch, number=number, left=left,
            )  # fmt: skip
            if not left:
                return
            if number == 1:
                self._halt_if(after_primary_pass(spec, found.after(canary)), found.messages)
            if found.failed:
                await self._pause(backoff.seconds(sweeps), left)
                sweeps += 1
                if found.failed == found.finished:
                    await self._stop_if_away()
            elif not found.followers:  # those are served at once
                await self._waited_for_others(feed)
            if self._crew.stopped:
                return
            feed, number = self._feed(), number + 1

    async def _pause(self, seconds: float, left: int) -> None:
        """Before the items that failed are asked again."""
        log_event(
            "retry_sweep_waiting",
            job=self._job.name, batch=self._plan.batch, items=left, seconds=round(seconds, 3),
        )  # fmt: skip
        await self._crew.pause(seconds)

    async def _stop_if_away(self) -> None:
        """A whole pass brought no answer: of too few documents for the breaker, perhaps, and none
        of them loses its last attempt while nobody is there."""
        if not await asyncio.to_thread(answers, self._job, self._deps):
            self._crew.stop(self._crew.setbacks.away())

    async def _waited_for_others(self, feed: Feed) -> bool:
        """After a moment in which other batches may have answered; False where to stop."""
        if not self._waits_for_others:
            self._waits_for_others = True
            log_event(
                "waiting_for_answers",
                job=self._job.name, batch=self._plan.batch, items=feed.elsewhere,
            )  # fmt: skip
        await self._crew.pause(_OTHERS_SECONDS)
        return self._crew.stopped is None

    async def _pass(self, feed: Feed, number: int) -> PassFigures:
        """Work one pass; what it came to."""
        counts, followers = self._crew.counts, self._crew.line.followers
        before = replace(counts, failures=counts.failures.copy())
        log_event("pass_started", job=self._job.name, batch=self._plan.batch, number=number)
        await self._crew.work(feed)
        if not self._crew.stopped:
            await asyncio.to_thread(self._writer.flush)
        return PassFigures(
            finished=counts.finished - before.finished,
            failed=counts.failed - before.failed,
            erring=counts.erring - before.erring,
            followers=self._crew.line.followers - followers,
            messages=counts.failures - before.failures,
        )

    def _halt_if(self, why: str, messages: Counter[str]) -> None:
        if why:
            self._crew.stop(BatchHalted(REASON, why, self._crew.counts.common(messages)))

    def _watch(self, recent: Recent) -> Callable[[Counts], None]:
        before = self._crew.counts.finished, self._crew.counts.failures.copy()

        def look(counts: Counts) -> None:
            if why := recent.failed(counts.finished - before[0]):
                messages = counts.failures - before[1]
                self._halt_if(why + words(messages), messages)

        return look

    def _left(self) -> int:
        return self._deps.store.items.left_to_do(self._plan, self._shards)

    def _feed(self, most: int | None = None) -> Feed:
        deps = self._deps
        return Feed(
            deps.store, self._plan, self._raw, deps.sealer, self._template, self._shards,
            self._writer, self._run_id, self._judge, most, self._turn,
        )  # fmt: skip

    def _catch_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        """SIGINT and SIGTERM drain. Without this, asyncio cancels every call in flight."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._drain, number)

    def _drain(self, number: int) -> None:
        name = signal.Signals(number).name
        log_event("draining", job=self._job.name, batch=self._plan.batch, signal=name)
        self._crew.stop(
            BatchInterrupted(
                number,
                f"Batch {self._job.name}/{self._plan.batch} was told to stop ({name}). What was "
                "answered is kept; run the batch again and it goes on from there.",
            )
        )

    async def _show_progress(self) -> None:
        logged_at = time.monotonic()
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            self._report_progress("running")
            if time.monotonic() - logged_at >= _LOGGED_PROGRESS_SECONDS:
                logged_at = time.monotonic()
                log_event(
                    "progress", job=self._job.name, batch=self._plan.batch,
                    done=self._done_before + self._crew.counts.done, total=self._total,
                    cost_usd=round(self._purse.spent_usd, 6),
                )  # fmt: skip

    def _report_progress(self, state: str) -> None:
        counts = self._crew.counts
        self._deps.progress(
            project(
                self._job.name,
                self._plan.batch,
                state,
                done_before=self._done_before,
                done=self._done_before + counts.done,
                total=self._total,
                dead=self._dead_before + counts.dead,
                elapsed_seconds=time.monotonic() - self._crew.began_at,
                tokens=self._purse.spent_tokens,
                cost_usd=self._purse.spent_usd,
            )
        )


def _first_chunk(feed: Feed) -> list[WorkItem] | None:
    """The first items that must be asked; None where stored answers serve them all."""
    while (chunk := feed.next_chunk()) is not None:
        if chunk:
            return chunk
    return None


@contextmanager
def _signals_restored() -> Iterator[None]:
    """asyncio leaves default handlers behind; the host's own come back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Collect rarely while millions of short-lived objects come and go; saves a tenth of CPU."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


