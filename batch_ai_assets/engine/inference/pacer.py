"""Pacer: one process's dealings with the page on which a provider's limits are shared.

It books slots ahead of those who wait, tells the page what the provider said, and gives back what
is left at the end. The store is asked in a thread of its own, several times a second at most and
never for a single call; while it cannot be reached, `alone.py` is what is kept to. The arithmetic
is `booking.py`'s and `rates.py`'s; who goes next is `gate.py`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar
from uuid import uuid4

from ..errors import StateError
from ..events import log_event
from ..state.send_slots import Page, SendSlots
from .alone import UNKNOWN_SHARE, Alone
from .booking import Cost, Grant, Wish, book, give_back
from .demand import Demand
from .news import Limits, Unsaid
from .rates import heard, rates
from .slots import Slots

T = TypeVar("T")

LEAD_SECONDS = 0.15
"""The next booking is made when the slots in hand last so much longer."""
ALONE_SECONDS = 1.0
"""A store that has not answered for so long is done without, and asked again as often."""
LOOK_SECONDS = 1.0
"""So often a run that keeps to no limit looks whether another process was told of one."""
_SOON, _LATER = 0.04, 0.25
_GATHER_SECONDS = 0.02
"""Between two bookings, times the processes that book, where calls have to wait anyway: they come
in one by one, and fifty bookings a second are as many as a page should see."""
_NEVER = float("inf")


class Pacer:
    """The slots of one process at one provider, and how they are come by."""

    def __init__(
        self,
        send_slots: SendSlots,
        declared: Limits,
        priority: str,
        provider: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`declared`: units per second; `provider`: its name, for the log."""
        self.paced = bool(declared)
        """Whether any limit is known. Where none is, nothing here is asked."""
        self.slots = Slots()
        self.held_until = -_NEVER
        """No process sends before."""
        self._store, self._declared = send_slots, declared
        self.priority, self._provider = priority, provider
        self._clock = clock
        self._process = uuid4().hex
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="send-slots")
        self._wake: Callable[[], None] = lambda: None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._booking: asyncio.Future[tuple[Grant, float]] | None = None
        self._telling: asyncio.Future[tuple[Limits, float]] | None = None
        self._known = False
        self._ask_at = -_NEVER
        self._contended, self._askers = True, 1
        self._rates, self._share = declared, UNKNOWN_SHARE
        self._slower_since = -_NEVER
        self._alone: Alone | None = None
        self._closed = False
        self._demand = Demand(clock())
        self._unsaid = Unsaid()
        self._looking: asyncio.Future[None] | None = None

    async def open(self, key: str, wake: Callable[[], None]) -> None:
        """Deal with the page of `key`; `wake` is called when there may be something new."""
        self._key, self._wake = key, wake
        await self._look()

    async def close(self) -> None:
        """Give back what is left; a store that is away is not waited for."""
        self._wake, self._closed = lambda: None, True
        for waiting in (*self._timers.values(), *((self._looking,) if self._looking else ())):
            waiting.cancel()
        pending = [future for future in (self._booking, self._telling) if future is not None]
        if pending:
            await asyncio.wait(pending, timeout=ALONE_SECONDS)
        unused, owed = self.slots.drop(), self.slots.take_owed()
        if self._known and self._alone is None:

            def leave(page: Page, now: float) -> tuple[Page, None]:
                return give_back(page, self._process, unused, owed, now), None

            with suppress(StateError, TimeoutError):
                await asyncio.wait_for(self._change(leave), ALONE_SECONDS)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def take(self, tokens_in: float, tokens_out: float) -> None:
        """A call leaves in the slot that `slots.wait` has just offered."""
        self.slots.take(tokens_in, tokens_out)
        self._demand.left(tokens_in, tokens_out)

    # Booking.

    def due(self, now: float, waiting: int) -> float:
        """Seconds until it is time to book for so many calls that wait; 0.0: now."""
        if self._booking is not None and self._alone is None:
            return _NEVER
        if now < self._ask_at:
            return self._ask_at - now
        wanted = waiting if self._contended else max(waiting, self._demand.expected)
        lasting = self.slots.end - now
        if lasting > LEAD_SECONDS:
            return lasting - LEAD_SECONDS
        if self.slots.calls >= wanted:
            return _NEVER
        gather = max(2, self._askers) * _GATHER_SECONDS
        must_wait = self._contended or lasting > gather
        return max(0.0, self._demand.looked_at + gather - now) if must_wait else 0.0

    def book(self, now: float, waiting: Sequence[Cost], waited: float) -> None:
        """Book for the calls that wait (first come first) and have no slot yet."""
        self._demand.look(now)
        wish = Wish(
            process=self._process,
            priority=self.priority,
            waited=waited,
            waiting=waiting[self.slots.calls :],
            expected=int(self._demand.expected),
            usual=self._demand.usual,
            declared=self._declared,
            owed=self.slots.take_owed(),
        )
        if self._alone is not None:
            self._accept(self._alone.book(wish, now), 0.0)
            return

        def write(page: Page, at: float) -> tuple[Page, Grant]:
            return book(page, wish, at)

        self._known = True
        self._booking = self._change(write)
        self._booking.add_done_callback(partial(self._booked, wish))
        self._after("patience", ALONE_SECONDS, self._go_alone)

    def _booked(self, wish: Wish, future: asyncio.Future[tuple[Grant, float]]) -> None:
        self._booking = None
        self._timers["patience"].cancel()
        if future.cancelled():
            return
        if error := future.exception():
            for dimension, units in wish.owed.items():
                self.slots.owed[dimension] = self.slots.owed.get(dimension, 0.0) + units
            self._go_alone(error)
        else:
            self._go_back()
            self._accept(*future.result())
        self._wake()

    def _accept(self, grant: Grant, ahead: float) -> None:
        now = self._clock()
        self._contended, self._askers = grant.contended, grant.askers
        self.held_until = max(self.held_until, grant.held_until - ahead)
        if self._alone is None:
            self._keep_to(grant.rates)
            self._share = grant.share
        if grant.spans:
            self._ask_at = -_NEVER
            self.slots.add(grant.spans, grant.calls, ahead)
        else:
            self._ask_at = min(max(grant.ask_at - ahead, now + _SOON), now + _LATER)

    def _keep_to(self, limits: Limits) -> None:
        """From now on; calls that left before say nothing about a lower rate."""
        before = self._rates
        if any(limits[d] < 0.999 * before.get(d, _NEVER) for d in limits):
            self._slower_since = self._clock()
        self._rates, self.paced = limits, bool(limits)

    # What the provider says.

    def correct(self, beyond: Cost) -> None:
        """A call took so many tokens more than its slot was booked for, sent and answered."""
        self.slots.correct(beyond)

    def hear(
        self,
        *,
        hold_until: float | None = None,
        told: Limits | None = None,
        turned_away: float | None = None,
    ) -> None:
        """The provider said to hold, told limits, or turned a call away that was sent then."""
        if told:
            self._unsaid.told(told, self._clock())
        if hold_until is not None:
            self.held_until = max(self.held_until, hold_until)
            self._unsaid.hold(hold_until)
        if turned_away is not None and turned_away >= self._slower_since:
            self._unsaid.turned_away(turned_away)
        if self._unsaid:
            self._after("news", 0.0, self._tell)

    def _tell(self) -> None:
        """Write the news down, so that all processes go by them."""
        if self._telling is not None:
            return  # as soon as the last ones are written
        now = self._clock()
        news = self._unsaid.pass_on(now, self._rates)
        if self._alone is not None:
            self._alone.hear(news, now)

        def write(page: Page, at: float) -> tuple[Page, Limits]:
            return heard(page, news, self._declared, at)

        self._known = True
        self._telling = self._change(write)
        self._telling.add_done_callback(self._written)

    def _written(self, future: asyncio.Future[tuple[Limits, float]]) -> None:
        self._telling = None
        if future.cancelled():
            return
        if error := future.exception():
            self._unsaid.did_not_arrive()
            if self.paced:
                self._go_alone(error)
        else:
            self._go_back()
            self._keep_to(future.result()[0])
        if self._unsaid:
            self._after("news", 0.0, self._tell)
        self._wake()

    async def _look(self) -> None:
        """Whether to hold or to keep to limits that others were told of; then again in a while."""
        if not self.paced and self._telling is None:
            with suppress(StateError):
                found = await self._in_thread(partial(self._store.look, self._key))
                if found is not None:
                    page, now, ahead = found
                    self.held_until = max(self.held_until, page.held_until - ahead)
                    if not self.paced:
                        self._keep_to(rates(page, self._declared, now))
                    self._wake()
        self._after("look", LOOK_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    # A store that is away.

    def _go_alone(self, error: BaseException | None = None) -> None:
        """Keep to this process's share, and try the store from time to time."""
        if self._alone is None:
            self._alone = Alone(self._rates, self._share, self.slots.end)
            self._contended = False
            self._ask_at = -_NEVER
            log_event(
                "slots_not_shared",
                provider=self._provider, share=round(self._share, 3),
                error=f"no answer for {ALONE_SECONDS:g} s" if error is None else str(error),
            )  # fmt: skip
            self._wake()
        self._after("back", ALONE_SECONDS, self._tell)

    def _go_back(self) -> None:
        """The store has answered: what was booked alone is given up."""
        if self._alone is not None:
            self._alone = None
            self.slots.drop()
            self._timers["back"].cancel()
            log_event("slots_shared", provider=self._provider)

    # Thread and timers.

    def _change(
        self, work: Callable[[Page, float], tuple[Page, T]]
    ) -> asyncio.Future[tuple[T, float]]:
        return self._in_thread(partial(self._store.change, self._key, work))

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _after(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        """One timer of each name: the last one set counts."""
        if (before := self._timers.get(name)) is not None:
            before.cancel()
        if self._closed:
            return
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, act)
