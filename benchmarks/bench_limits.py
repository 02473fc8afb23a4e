"""How much of a provider's rate is used, how often it has to say 429, and what that costs.

Batches on the real engine, each in a process of its own, ask the stub, which enforces its limits
as token buckets; what it admitted between two moments of full demand comes from its `/stats`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from .measure import Measure, show

RPM, TPM = 9_000, 600_000
"""150 requests a second, or about 170: what four processes and a server do beside each other on
two cores with room to spare, so that the limit is what holds them up."""
LATENCY_MS = 200
OPEN = 0.9
"""A smaller share counts as not done."""
RAMP_SECONDS, MEASURED_SECONDS = 2.0, 8.0
STORM_SECONDS = 3.0
"""Demand above a limit that is declared too high: until its first 429, and a moment."""


@dataclass(frozen=True)
class Case:
    """What is measured, and the share of the limit that must be used."""

    name: str
    limit: str
    """`rpm` or `tpm`."""
    concurrency: tuple[int, ...]
    """One process each. In flight / latency is what a process could send without limits."""
    declared: float = 1.0
    """What the processes are told, over the truth."""
    bar: float = 0.99

    @property
    def options(self) -> dict[str, int]:
        return {"rpm": RPM} if self.limit == "rpm" else {"tpm": TPM}

    @property
    def limits(self) -> dict[str, int]:
        name = "requests_per_minute" if self.limit == "rpm" else "tokens_per_minute"
        (value,) = self.options.values()
        return {name: int(value * self.declared)}


EVEN, UNEVEN = (16, 16, 16, 16), (45, 20, 10, 5)
CASES = (
    Case("one process", "rpm", (48,)),
    Case("one process", "tpm", (64,)),
    Case("four processes, even", "rpm", EVEN),
    Case("four processes, even", "tpm", EVEN),
    Case("four processes, 9:4:2:1", "rpm", UNEVEN),
    Case("four processes, 9:4:2:1", "tpm", UNEVEN),
    Case("limits declared 20 % too high", "rpm", EVEN, 1.2, 0.95),
    Case("limits declared 20 % too high", "tpm", EVEN, 1.2, 0.95),
)


@contextmanager
def processes(case: Case, home: str, url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """The batches of a case, all of them under way."""
    running = []
    try:
        for number, concurrency in enumerate(case.concurrency):
            order = {
                "home": home, "url": url, "job": f"job{number}", "concurrency": concurrency,
                "limits": case.limits, "items": 4_000 if len(case.concurrency) == 1 else 2_500,
            }  # fmt: skip
            command = [sys.executable, "-m", "benchmarks.limits_run", json.dumps(order)]
            running.append(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n", "a batch was not planned"
        for one in running:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        yield running
    finally:
        for one in running:
            if one.poll() is None:
                one.kill()
                one.wait()


def measure(case: Case) -> dict[str, float]:
    """Share of the limit, refusals, and what became of the items."""
    options = ServerOptions(model="stub", latency_ms=LATENCY_MS, **case.options)
    with (
        tempfile.TemporaryDirectory() as home,
        LocalProvider(options) as server,
        processes(case, home, server.base_url) as running,
    ):
        while server.stats(items=False)["answers"] < 20:
            time.sleep(0.05)
        time.sleep(RAMP_SECONDS + (STORM_SECONDS if case.declared > 1.0 else 0.0))
        before, began = server.stats(items=False), time.perf_counter()
        time.sleep(MEASURED_SECONDS)
        after, ended = server.stats(items=False), time.perf_counter()
        endings = [json.loads(one.communicate(timeout=60)[0]) for one in running]
        refused = server.stats(items=False)["throttled"]
    if case.limit == "rpm":
        used = (after["calls"] - after["throttled"]) - (before["calls"] - before["throttled"])
    else:
        used = after["cost_tokens"] - before["cost_tokens"]
    (allowed,) = case.options.values()
    return {
        "share": used / ((ended - began) * allowed / 60.0),
        "throttled": refused,
        "throttled_in_steady_state": after["throttled"] - before["throttled"],
        "lost": sum(ending["lost"] for ending in endings),
    }


def measures() -> Iterator[Measure]:
    for case in CASES:
        found = measure(case)
        name = f"{case.limit.upper()}, {case.name}"
        yield Measure(
            f"share used of the {name}", found["share"], case.bar, OPEN, "", True, found
        )
        if case.declared == 1.0:
            yield Measure(f"429s at the {name}", found["throttled"], 0, 0, "calls")
        yield Measure(f"documents lost at the {name}", found["lost"], 0, 0, "documents")


if __name__ == "__main__":
    show(measures())
