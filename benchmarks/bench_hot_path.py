"""CPU per item: the whole engine over a bare aiohttp loop, same server, same requests.

CPU by getrusage with all threads, imports excluded. The loop of the provider's SDK is run beside
them once, as a second reference.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from batch_ai_assets.engine.inference.request import RequestTemplate
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets_tests.engine.world import make_job, message

from .measure import Measure, show
from .runs import fresh, in_rounds, median_ratio

ITEMS, SDK_ITEMS = 10_000, 1_000
CASES = ((64, 0), (256, 0), (64, 50), (256, 50))
"""(calls in flight, latency of the server in ms)."""
CARRIERS = {"aiohttp": (1.3, 1.6), "pyreqwest": (0.95, 1.2)}
"""What carries the engine's calls → bar, and what stays open above."""


def bodies(items: int = ITEMS) -> bytes:
    """The requests the engine sends for the same documents, a line each."""
    template = RequestTemplate(make_job(Path("/")))
    texts = (message(number)["text"].strip() for number in range(items))
    return b"".join(
        template.body(text, hashlib.sha256(text.encode()).digest()) + b"\n" for text in texts
    )


def cpu_per_item(
    module: str, *arguments: object, stdin: bytes = b"", items: int = ITEMS
) -> float:
    """CPU microseconds per item of one run."""
    found = fresh(module, *arguments, stdin=stdin)
    assert found["answered"] == items, found
    return float(found["cpu_seconds"]) / items * 1e6


def measures() -> Iterator[Measure]:
    requests = bodies()
    for in_flight, latency in CASES:
        with LocalProvider(ServerOptions(model="stub", latency_ms=latency)) as server:
            asked = (server.base_url, in_flight)
            bare, *engines = in_rounds(
                partial(cpu_per_item, "bare_loop", *asked, stdin=requests),
                *(partial(cpu_per_item, "whole_engine", *asked, ITEMS, name) for name in CARRIERS),
            )
            sdk = cpu_per_item("sdk_loop", *asked, stdin=bodies(SDK_ITEMS), items=SDK_ITEMS)
        for engine, (carrier, (bar, beyond)) in zip(engines, CARRIERS.items(), strict=True):
            yield Measure(
                f"CPU per item over a bare loop, {carrier}, {in_flight} in flight, {latency} ms",
                figure=median_ratio(engine, bare),
                bar=bar,
                open=beyond,
                details={
                    "bare_us": statistics.median(bare),
                    "engine_us": statistics.median(engine),
                    "sdk_over_bare": sdk / statistics.median(bare),
                    "rounds_us": [bare, engine],
                },
            )


if __name__ == "__main__":
    show(measures())
