"""A run at work listens: every second to what people and the rest of the platform say to its batch.

Reading and passing on; what is to be done is decided in `control/steering.py`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from ..control.steering import Told, must_stop
from ..deps import Deps
from ..errors import StateError
from ..projecting import hours_begin
from ..spec.resolved import ResolvedJob
from ..state.outages import outage_key
from ..state.rows import Plan

if TYPE_CHECKING:
    from .shard import Crew

_SECONDS = 1.0


def told(job: ResolvedJob, plan: Plan, deps: Deps) -> Told:
    """What speaks to the batch at this moment."""
    store = deps.store
    return Told(
        order=store.orders.standing(plan.job, plan.batch),
        hours_begin=hours_begin(job, plan, deps),
        boost=store.boosts.of(plan),
        outage=store.outages.of(outage_key(plan)),
    )


class Steered:
    """The ear of one run."""

    def __init__(self, job: ResolvedJob, plan: Plan, crew: Crew, deps: Deps) -> None:
        self._job, self._plan, self._crew, self._deps = job, plan, crew, deps

    async def watch(self) -> None:
        """Until it is cancelled. A store that is away is the writer's to report."""
        while True:
            await asyncio.sleep(_SECONDS)
            with suppress(StateError):
                said = await asyncio.to_thread(told, self._job, self._plan, self._deps)
                if why := must_stop(self._job.name, self._plan.batch, said):
                    self._crew.stop(why)
                if said.boost is not None:
                    self._crew.hurry(said.boost)
                await self._end_trial(said)

    async def _end_trial(self, said: Told) -> None:
        """Answers of this run show that the provider is back."""
        counts = self._crew.counts
        if said.outage is not None and said.outage.on_trial and counts.finished > counts.failed:
            await asyncio.to_thread(self._deps.store.outages.answered, said.outage.provider)
