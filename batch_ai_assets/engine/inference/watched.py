"""WatchedTransport: tells the gate what comes back, and when a call is over.

Between transport and worker, so that neither knows of windows or of headers about limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from .gate import Gate
from .transport import Transport


class WatchedTransport:
    """A transport whose calls were let through by `gate`."""

    def __init__(
        self, transport: Transport, gate: Gate, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._post, self._gate, self._clock = transport.post, gate, clock

    async def post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        sent_at = self._clock()
        try:
            reply = await self._post(body)
        except BaseException:
            self._gate.ended()
            raise
        self._gate.answered(reply[0], reply[1], sent_at)
        return reply
