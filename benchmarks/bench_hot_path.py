"""CPU per item: the whole engine over a bare aiohttp loop, same server, same requests.

Interleaved, each run a fresh process, CPU by getrusage with all threads, imports excluded; the
median ratio of the runs. The loop of the SDK runs beside them once, as people write it.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from batch_ai_assets.engine.inference.request import RequestTemplate
from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets_tests.engine.world import make_job, message

from .measure import Measure

ITEMS, RUNS, SDK_ITEMS = 10_000, 5, 1_000
CASES = ((64, 0), (256, 0), (64, 50), (256, 50))
"""(calls in flight, latency of the server in ms)."""
CARRIERS = {"aiohttp": (1.3, 1.6), "pyreqwest": (0.95, 1.2)}
"""Carrier of the engine's calls → bar, and what stays open above."""


def bodies(items: int = ITEMS) -> bytes:
    """The requests the engine sends for the same documents, a line each."""
    template = RequestTemplate(make_job(Path("/")))
    texts = (message(number)["text"].strip() for number in range(items))
    return b"".join(
        template.body(text, hashlib.sha256(text.encode()).digest()) + b"\n" for text in texts
    )


def run(module: str, *arguments: object, stdin: bytes = b"", items: int = ITEMS) -> float:
    """CPU microseconds per item of one run in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=600)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["answered"] == items, found
    return float(found["cpu_seconds"]) / items * 1e6


def measures() -> Iterator[Measure]:
    requests, few = bodies(), bodies(SDK_ITEMS)
    for in_flight, latency in CASES:
        bare: list[float] = []
        sdk: list[float] = []
        engine: dict[str, list[float]] = {carrier: [] for carrier in CARRIERS}
        with LocalProvider(ServerOptions(model="stub", latency_ms=latency)) as server:
            for number in range(RUNS):
                bare.append(run("bare_loop", server.base_url, in_flight, stdin=requests))
                for carrier, found in engine.items():
                    found.append(run("whole_engine", server.base_url, in_flight, ITEMS, carrier))
                if number == 0:
                    asked = (server.base_url, in_flight)
                    sdk.append(run("sdk_loop", *asked, stdin=few, items=SDK_ITEMS))
        reference = statistics.median(bare)
        for carrier, (bar, beyond) in CARRIERS.items():
            ratios = [ours / theirs for ours, theirs in zip(engine[carrier], bare, strict=True)]
            yield Measure(
                f"CPU per item / bare loop: {carrier}, {in_flight} in flight, {latency} ms",
                statistics.median(ratios),
                bar,
                beyond,
                details={
                    "bare_us": round(reference, 1),
                    "engine_us": round(statistics.median(engine[carrier]), 1),
                    "sdk_over_bare": round(sdk[0] / reference, 1),
                    "ratios": " ".join(f"{ratio:.2f}" for ratio in ratios),
                },
            )
