"""Peak memory of the engine, online path: many items over few. Each run a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from .all import FULL
from .measure import Measure

FEW = 10_000


def peak(url: str, items: int) -> int:
    """Bytes; measured while items are asked, planning apart."""
    command = [sys.executable, "-m", "benchmarks.memory_run", url, str(items)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=3600)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["answered"] == items, found
    return int(found["peak_bytes"])


def measures() -> Iterator[Measure]:
    for many in (200_000, 1_000_000) if FULL in os.environ else (200_000,):
        with LocalProvider(ServerOptions(model="stub")) as server:
            few, grown = peak(server.base_url, FEW), peak(server.base_url, many)
        yield Measure(
            f"memory, {many:,} items over {FEW:,} (online path)", grown / few, 1.2, 1.5,
            details={"few_mb": round(few / 1e6), "many_mb": round(grown / 1e6)},
        )  # fmt: skip
