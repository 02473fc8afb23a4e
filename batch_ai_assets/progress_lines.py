"""Progress of a batch as lines of text, for a run's log and for output that is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ai_assets.engine.control.progress import Progress

_SECONDS_BETWEEN_LINES = 10.0


def progress_lines(
    write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Callable[[Progress], None]:
    """Progress as lines of a run's log: at once, then every ten seconds, and at the end."""
    last = float("-inf")

    def tell(progress: Progress) -> None:
        nonlocal last
        now = clock()
        if now - last < _SECONDS_BETWEEN_LINES and progress.done < progress.total:
            return
        last = now
        write(progress_line(progress))

    return tell


def progress_line(progress: Progress) -> str:
    """One line: how far, how fast, how long still, what it has cost."""
    eta = "" if progress.eta_seconds is None else f", {progress.eta_seconds:,.0f} s to go"
    return (
        f"{progress.done:,} of {progress.total:,} items ({progress.percent:.1f} %),"
        f" {progress.items_per_hour:,.0f} items/h{eta},"
        f" {progress.tokens:,} tokens, {progress.cost_usd:.4f} USD, {progress.dead:,} dead"
    )
