"""What the ledger costs: CPU per item with accounts that every commit draws on, over none.

Both sides keep money rows and count what they spend; without accounts no other process would know
of it, and a crash would forget what was in flight. In turn, seven rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from .bench_hot_path import cpu_per_item
from .measure import Measure, show
from .runs import in_rounds, median_ratio

ITEMS, ROUNDS = 10_000, 7
CASES = (64, 256)
"""Calls in flight."""


def measures() -> Iterator[Measure]:
    for in_flight in CASES:
        with LocalProvider(ServerOptions(model="stub")) as server:
            asked = (server.base_url, in_flight, ITEMS, "aiohttp")
            kept, none = in_rounds(
                *(partial(cpu_per_item, "whole_engine", *asked, how) for how in ("on", "off")),
                rounds=ROUNDS,
            )
        yield Measure(
            f"CPU per item with the ledger over none, {in_flight} in flight",
            figure=median_ratio(kept, none),
            bar=1.1,
            open=1.1,
            details={
                "on_us": statistics.median(kept),
                "off_us": statistics.median(none),
                "rounds_us": [kept, none],
            },
        )


if __name__ == "__main__":
    show(measures())
