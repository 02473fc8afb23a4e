"""LoopLag: how late the event loop was at worst, because something kept it from its work.

A loop that is late sends late, reads late and counts time-outs late. Twenty looks a second cost
nothing to speak of.
"""

from __future__ import annotations

import asyncio
import time

_EVERY_SECONDS = 0.05


class LoopLag:
    """The worst of one run, seconds."""

    def __init__(self) -> None:
        self.worst = 0.0
        """By the clock: a machine that is busy with other things makes it late as well."""
        self.own = 0.0
        """Of one look, no more than the CPU that this process used meanwhile: our own doing."""

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            began, cpu = time.monotonic(), time.process_time()
            await asyncio.sleep(_EVERY_SECONDS)
            late = time.monotonic() - began - _EVERY_SECONDS
            self.worst = max(self.worst, late)
            self.own = max(self.own, min(late, time.process_time() - cpu))
