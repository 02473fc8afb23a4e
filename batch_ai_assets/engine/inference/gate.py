"""Gate: where calls wait until they may leave. First come, first served, and no await without need.

What stands between a call and the provider: a pause or a hold, the job's own ceiling, then the
provider's limits: slots that are shared with other processes where limits are known (`pacer.py`),
a window of calls in flight where none are (`aimd.py`). Here is only who goes next, and when to
look again. One event loop, one thread.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from math import ceil

from ..spec.resolved import ResolvedJob
from ..state.send_slots import SendSlots, provider_key
from .aimd import Window
from .booking import SLICE_SECONDS, Cost
from .limiter import Limiter
from .pacer import LEAD_SECONDS, Pacer
from .rate_headers import told_limits
from .rates import declared_limits

HEADERS_EVERY = 32
"""Answers, of which one is asked what it tells of limits; every 429 is."""
_SHORTEST_SECONDS = 0.001
_THROTTLED = 429
_NEVER = float("inf")


class _Waiter:
    """A call that waits."""

    __slots__ = ("leaves", "since", "tokens_in", "tokens_out")

    def __init__(self, leaves: asyncio.Future[None], cost: Cost, since: float):
        self.leaves, self.since = leaves, since
        self.tokens_in, self.tokens_out = cost


class Gate:
    """The limits of one run, as its workers meet them."""

    def __init__(
        self,
        ceiling: Limiter | None,
        pacer: Pacer,
        window: Window | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ceiling`: the job's own. `window`: where the provider declares no limits."""
        self._ceiling = ceiling
        self._pacer = pacer
        self._window = window
        self._clock = clock
        self._line: deque[_Waiter] = deque()
        self._paused_until = -_NEVER
        self._in_flight = 0
        self.answers = 0
        """Calls that came back, those turned away included."""
        self._scale, self._learning = 1.0, 1.0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, job: ResolvedJob, send_slots: SendSlots) -> Gate:
        """The gate of a job's run."""
        own, allowed = job.spec.limits, job.provider.limits
        ceiling = Limiter(own.requests_per_minute, own.tokens_per_minute)
        bounded = own.requests_per_minute is not None or own.tokens_per_minute is not None
        declared = declared_limits(allowed)
        pacer = Pacer(send_slots, declared, job.spec.priority, job.spec.model.provider)
        window = None if declared else Window(own.concurrency)
        return cls(ceiling if bounded else None, pacer, window)

    @asynccontextmanager
    async def open(self, base_url: str, secret: str | None) -> AsyncIterator[None]:
        """Share the limits of the provider at this address with every process that asks it under
        the same secret reference; what was booked and not used flows back at the end."""
        await self._pacer.open(provider_key(base_url, secret), self._look)
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await self._pacer.close()

    def passes(self, tokens_in: float, tokens_out: float) -> bool:
        """True, and a call of so many tokens (estimated) leaves now; False, and it must `wait`."""
        if self._line:
            return False
        return self._take(self._clock(), tokens_in, tokens_out) == 0.0

    async def wait(self, tokens_in: float, tokens_out: float) -> None:
        """Return when the call may leave."""
        leaves = asyncio.get_running_loop().create_future()
        waiter = _Waiter(leaves, (tokens_in, tokens_out), self._clock())
        self._line.append(waiter)
        if self._line[0] is waiter:
            self._look()
        try:
            await leaves
        except asyncio.CancelledError:
            if not leaves.cancelled():  # it was let through a moment ago
                self._undo(waiter)
            self._look()
            raise

    def correct(self, told: Cost, used: Cost) -> None:
        """A call that was `told` to take so many tokens, sent and answered, `used` so many."""
        if self._ceiling is not None:
            self._ceiling.correct(sum(used) - sum(told))
        if self._pacer.paced:
            self._pacer.correct((used[0] - told[0] * self._scale, used[1] - told[1]))
        if told[0] > 0:
            # Where a provider counts a tenth more tokens than we do, it nearly always does.
            factor = min(4.0, max(0.25, used[0] / told[0]))
            self._scale += self._learning * (factor - self._scale)
            self._learning = max(0.05, self._learning / (1.0 + self._learning))

    def hurry(self, concurrency: int, *, urgent: bool) -> None:
        """From now on so many calls in flight; `urgent`: with that share of its limits."""
        if self._window is not None:
            self._window.widen(concurrency)
        if urgent:
            self._pacer.priority = "urgent"

    @property
    def in_flight(self) -> int:
        """Calls that left and are not over."""
        return self._in_flight

    def pause(self, until: float) -> None:
        """Nothing leaves this process before `until`."""
        self._paused_until = max(self._paused_until, until)

    def hold(self, until: float) -> None:
        """Nothing leaves before `until`, from no process: the provider said `Retry-After`."""
        self._pacer.hear(hold_until=until)

    def answered(self, status: int, headers: Mapping[str, str], sent_at: float) -> None:
        """A call that left came back; `sent_at` by this gate's clock."""
        now = self._clock()
        self.answers += 1
        if status == _THROTTLED:
            if self._window is not None:
                self._window.turned_away(sent_at, now, self._in_flight)
            self._pacer.hear(told=told_limits(headers), turned_away=sent_at)
        else:
            if self._window is not None:
                self._window.clean(now)
            if self.answers % HEADERS_EVERY == 0:
                self._pacer.hear(told=told_limits(headers))
        self.ended()

    def ended(self) -> None:
        """A call that left is over, with or without an answer."""
        self._in_flight -= 1
        if self._line and not self._pacer.paced:
            self._look()

    def _take(self, now: float, tokens_in: float, tokens_out: float) -> float:
        """0.0, and the call leaves; otherwise how long to wait before trying again at most."""
        ceiling, pacer = self._ceiling, self._pacer
        if now < self._paused_until:
            return self._paused_until - now
        if now < pacer.held_until:
            return pacer.held_until - now
        if ceiling is not None and (seconds := ceiling.wait(now)) > 0.0:
            return seconds
        if pacer.paced:
            if (seconds := pacer.slots.wait(now)) > 0.0:
                return seconds
            pacer.take(tokens_in * self._scale, tokens_out)
        elif self._window is not None and (
            seconds := self._window.wait(now, self._in_flight)
        ) > 0.0:
            return seconds
        if ceiling is not None:
            ceiling.take(now, tokens_in + tokens_out)
        self._in_flight += 1
        return 0.0

    def _undo(self, waiter: _Waiter) -> None:
        self._in_flight -= 1
        if self._ceiling is not None:
            self._ceiling.correct(-waiter.tokens_in - waiter.tokens_out)
        if self._pacer.paced:
            self._pacer.slots.undo(waiter.tokens_in * self._scale, waiter.tokens_out)

    def _look(self) -> None:
        """Let everybody through whose time has come; see to it that the rest get slots."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now, line, pacer = self._clock(), self._line, self._pacer
        seconds = _NEVER
        while line:
            waiter = line[0]
            if not waiter.leaves.cancelled():
                seconds = self._take(now, waiter.tokens_in, waiter.tokens_out)
                if seconds > 0.0:
                    break
                waiter.leaves.set_result(None)
            line.popleft()
        if not line:
            return
        if pacer.paced:
            seconds = min(seconds, self._stock(now))
        if seconds < _NEVER:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(seconds, _SHORTEST_SECONDS), self._look)

    def _stock(self, now: float) -> float:
        """Book for those who wait, where it is time to; otherwise seconds until it is."""
        line, pacer = self._line, self._pacer
        closed = max(self._paused_until, pacer.held_until) - now - LEAD_SECONDS
        if closed > 0.0:
            return closed
        waiting, first = len(line), line[0]
        if self._ceiling is not None:  # what the job's own ceiling keeps here needs no slot
            within = self._ceiling.calls_within(
                SLICE_SECONDS, first.tokens_in + first.tokens_out
            )
            waiting = min(waiting, ceil(within)) if within < waiting else waiting
        if pacer.due(now, waiting) == 0.0:
            costs = [
                (one.tokens_in * self._scale, one.tokens_out) for one in islice(line, waiting)
            ]
            pacer.book(now, costs, now - first.since)
        return pacer.due(now, waiting)
