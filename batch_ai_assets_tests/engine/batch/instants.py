"""Acting in the middle of a batch: when the provider has had so many calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from batch_ai_assets.local_provider.process import LocalProvider


@contextmanager
def once_called(server: LocalProvider, calls: int, act: Callable[[], Any]) -> Iterator[None]:
    """Do `act` in a thread as soon as `server` has had so many calls."""

    def wait() -> None:
        while server.stats(items=False)["calls"] < calls:
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    yield
    thread.join(10)
    assert not thread.is_alive()
