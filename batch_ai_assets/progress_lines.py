"""Progress of a batch as lines of text, for a run's log and for output that is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ai_assets.engine.control.progress import Progress

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_TO_A_PACE = 2.0
"""Earlier than this a pace is chance: connections are opened, the first answers are under way."""


def progress_lines(
    write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Callable[[Progress], None]:
    """Progress as lines of a run's log: at once, then every ten seconds, and at the end."""
    last = float("-inf")
    said: tuple[int, ...] = ()

    def tell(progress: Progress) -> None:
        nonlocal last, said
        now = clock()
        if now - last < _SECONDS_BETWEEN_LINES and progress.done < progress.total:
            return
        figures = (progress.done, progress.total, progress.dead, progress.tokens)
        if progress.done >= progress.total and figures == said:
            return  # the end was told
        last, said = now, figures
        write(progress_line(progress))

    return tell


def progress_line(progress: Progress) -> str:
    """One line: how far, how fast (once there is a pace), how long still, what it has cost."""
    items = "item" if progress.total == 1 else "items"
    pace = ""
    if progress.items_per_second > 0 and progress.elapsed_seconds >= _SECONDS_TO_A_PACE:
        pace = f" {progress.items_per_hour:,.0f} items/h,"
        if progress.eta_seconds:
            pace += f" {progress.eta_seconds:,.0f} s to go,"
    return (
        f"{progress.done:,} of {progress.total:,} {items} ({progress.percent:.1f} %),{pace}"
        f" {progress.tokens:,} tokens, {progress.cost_usd:.4f} USD, {progress.dead:,} dead"
    )
