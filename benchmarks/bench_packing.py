"""Twenty short documents to a request against one each: calls, tokens, cost and CPU.

The same 2,000 documents and the same prompt both ways, on the stub; calls and tokens are what the
server counted.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider
from benchmarks.measure import Measure, show
from benchmarks.runs import fresh, in_rounds, median_ratio

ITEMS, TOGETHER, ROUNDS = 2_000, 20, 3


@dataclass(frozen=True, slots=True)
class Way:
    """What all documents took, asked one way."""

    calls: int
    tokens: int
    """Told and answered."""
    usd: float
    cpu_us: float
    """Of the client, for each document."""


def asked(together: int) -> Way:
    """All documents, `together` to a request, by a process and of a server of their own."""
    with LocalProvider(ServerOptions(model="stub")) as server:
        found = fresh("packing_run", server.base_url, together, ITEMS)
        stats = server.stats(items=False)
    assert found["answered"] == stats["distinct_items"] == ITEMS, (found, stats)
    cpu_us = found["cpu_seconds"] / ITEMS * 1e6
    return Way(stats["calls"], stats["cost_tokens"], found["usd"], cpu_us)


def measures() -> Iterator[Measure]:
    single, packed = in_rounds(lambda: asked(1), lambda: asked(TOGETHER), rounds=ROUNDS)
    one, many = single[0], packed[0]

    def measure(
        what: str, figure: float, bar: float, beyond: float, alone: float, together: float
    ) -> Measure:
        name = f"{what} of {TOGETHER} documents a request over one each"
        details = {"alone": alone, "together": together, "items": ITEMS}
        return Measure(name, figure, bar, beyond, details=details)

    yield measure("calls", many.calls / one.calls, 1 / 18, 1 / 10, one.calls, many.calls)
    yield measure("tokens", many.tokens / one.tokens, 1 / 3, 1 / 2, one.tokens, many.tokens)
    yield measure("cost (USD)", many.usd / one.usd, 1 / 3, 1 / 2, one.usd, many.usd)
    alone_us = [way.cpu_us for way in single]
    packed_us = [way.cpu_us for way in packed]
    yield measure(
        "client CPU (µs an item)", median_ratio(packed_us, alone_us), 1.0, 1.3,
        statistics.median(alone_us), statistics.median(packed_us),
    )  # fmt: skip


if __name__ == "__main__":
    show(measures())
