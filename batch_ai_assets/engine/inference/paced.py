"""A run at work leaves word of how far it is, every ten seconds: its end is projected from it.

What follows from the samples is `control/projection.py`'s.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from ..deps import Deps
from ..errors import StateError
from ..state.rows import Plan
from .gate import Gate

if TYPE_CHECKING:
    from .shard import Crew

EVERY_SECONDS = 10.0
_FIRST_SECONDS = 1.0
"""The first pause between two; then each is twice as long, up to `EVERY_SECONDS`."""


class Paced:
    """The samples of one run."""

    def __init__(
        self, plan: Plan, run_id: str, crew: Crew, gate: Gate, total: int, done_before: int,
        deps: Deps,
    ) -> None:  # fmt: skip
        """`done_before`: items of `total` that needed no call when the run began."""
        self._plan, self._run_id, self._crew, self._gate = plan, run_id, crew, gate
        self._total, self._done_before, self._deps = total, done_before, deps

    async def watch(self) -> None:
        """Until it is cancelled."""
        seconds = _FIRST_SECONDS
        while True:
            await self.take()
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, EVERY_SECONDS)

    async def take(self) -> None:
        """One sample. A store that is away is the writer's to report."""
        done = self._done_before + self._crew.counts.done
        with suppress(StateError):
            await asyncio.to_thread(
                self._deps.store.paces.add,
                self._plan, self._run_id, done=done, left=max(0, self._total - done),
                in_flight=self._gate.in_flight, calls=self._gate.answers,
                throttled=self._crew.setbacks.throttled,
            )  # fmt: skip
