"""`batch-ai status --watch`: one line for each batch, drawn anew until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.glances import Glance
    from batch_ai_assets.engine.state.rows import BatchRow

SECONDS = 2.0
WIDTH = 100


def watch(
    draw: Callable[[], Table],
    console: Console,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return at Ctrl-C, with the last picture left standing. A pipe gets one below the other."""
    from rich.live import Live

    with suppress(KeyboardInterrupt):
        if not console.is_terminal:
            while True:
                console.print(draw())
                sleep(SECONDS)
        with Live(draw(), console=console, auto_refresh=False) as live:
            while True:
                sleep(SECONDS)
                live.update(draw(), refresh=True)


def drawn(job: str | None, limit: int, deps: Deps) -> Table:
    """The newest batches as they stand now."""
    from batch_ai_assets.engine.glances import glance

    rows = deps.store.overview(job, limit=limit)
    return table([(row, glance(row, deps)) for row in rows], deps.store.clock())


def table(found: Sequence[tuple[BatchRow, Glance]], now: float) -> Table:
    """At most so wide as a terminal of 100 columns."""
    from rich.table import Table

    from batch_ai_assets.engine.reporting.wording import duration, state_words, usd

    made = Table(box=None, width=WIDTH, pad_edge=False, title_justify="left")
    made.title = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC, Ctrl-C ends"
    made.add_column("batch", no_wrap=True, overflow="ellipsis", ratio=1)
    made.add_column("state", no_wrap=True, overflow="ellipsis", max_width=26)
    for name in ("done", "left", "cost", "of budget", "dead", "due"):
        made.add_column(name, justify="right", no_wrap=True)
    for row, seen in found:
        used = seen.used(row)
        made.add_row(
            f"{row.job}/{row.batch}",
            state_words(row.state) + (f" ({row.reason})" if row.reason else ""),
            f"{seen.percent:.0f} %",
            "" if seen.eta_seconds is None else duration(seen.eta_seconds),
            usd(row.cost_usd).removesuffix(" USD"),
            "" if used is None else f"{used:.0%}",
            f"{row.conservation.dead:,}" if row.conservation.dead else "",
            _due(seen.deadline_at, now),
            style="red" if row.state in ("halted", "failed") else None,
        )
    return made


def _due(at: float | None, now: float) -> str:
    """The time of a deadline today or tomorrow, otherwise its day."""
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%H:%M}" if abs(at - now) < 86_400 else f"{moment:%m-%d}"
