"""Funding: how a crew waits for money that is not at hand, and when it waits no longer.

The purse says what may be spent now (`control/budget.py`), the writer draws more with its commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

from ..control.budget import Bound, Purse
from ..errors import BatchAIError, BatchHalted
from ..state.rows import Plan
from ..state.writer import Writer

_PATIENCE_SECONDS, _LOOK_SECONDS = 30.0, 0.5
"""How long money is waited for that other runs hold, and how often is looked."""


class Funded(Enum):
    """What came of waiting for money."""

    YES = "yes"
    """It is reserved."""
    FOR_FEWER = "for fewer"
    """Not for so many documents at once; what is left may do for some of them."""
    NO = "no"
    """The crew has been stopped."""


class Funding:
    """The money of one crew."""

    def __init__(
        self,
        plan: Plan,
        purse: Purse,
        writer: Writer,
        stop: Callable[[BatchAIError], None],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self.purse = purse
        self._plan, self._writer, self._stop, self._pause = plan, writer, stop, pause
        self._moved = asyncio.Event()
        self._over = False

    def settle(self, bound: Bound, cost_usd: float, tokens: int) -> None:
        self.purse.settle(bound, cost_usd, tokens)
        self._moved.set()

    def moved(self) -> None:
        """A draw has come back: whoever waits for money looks again."""
        self._moved.set()

    def end(self) -> None:
        """The crew is stopped: nobody waits any longer."""
        self._over = True
        self._moved.set()

    async def reserved(self, bound: Bound, documents: int) -> Funded:
        """Wait for money for a call about so many documents, or for the end of the batch."""
        purse, patience, draws_at_once = self.purse, _PATIENCE_SECONDS, True
        while not self._over:
            draws = purse.draws
            purse.short = bound
            self._moved.clear()
            if draws_at_once or not purse.in_flight:  # else with the next commit
                self._writer.draw()
            draws_at_once = False
            await self._moved.wait()
            if self._writer.error:
                self._stop(self._writer.error)
            elif self._over:
                break
            elif purse.reserve(bound):
                return Funded.YES
            elif purse.in_flight or purse.draws == draws or not purse.all_told:
                continue  # what is in flight may cost less than its bound
            elif not purse.beyond(bound):
                continue  # the next draw brings it
            elif documents > 1:
                return Funded.FOR_FEWER
            elif purse.beyond_all(bound) or patience <= 0:
                self._stop(self._spent(bound))
            else:  # other runs hold what they may give back
                patience -= _LOOK_SECONDS
                await self._pause(_LOOK_SECONDS)
        return Funded.NO

    def _spent(self, bound: Bound) -> BatchHalted:
        job, batch = self._plan.job, self._plan.batch
        reason, option = self.purse.halts_for(bound)
        then = (
            f"Let it go on with `batch-ai approve {job} {batch} {option} --reason WHY`, or raise "
            "budget in job.yaml and run the batch again; it goes on where it stopped."
            if reason == "budget"
            else "It goes on by itself when the next month begins (UTC). To go on before, raise "
            f"the cap in its file (`batch-ai costs` shows it), then `batch-ai run {job} --batch "
            f"{batch}`."
        )
        said = f"Budget of {job}: {self.purse.shortfall(bound)}. No further call leaves. {then}"
        return BatchHalted(reason, said)
