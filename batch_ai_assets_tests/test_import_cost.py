"""What loading the definitions costs: every Dagster run is a new process that pays for it.

The bar is a ratio within one process, so that it holds on slow and on busy machines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from .modules import REPOSITORY

HEAVY = ("pandas", "pandera", "openai", "boto3", "dbt", "sqlalchemy", "pyarrow", "aiohttp")
BAR = 0.35
TRIES = 5

MEASURE = f"""
import json, sys, time
t0 = time.process_time()
import dagster
t1 = time.process_time()
import batch_ai_assets.definitions
t2 = time.process_time()
heavy = sorted(name for name in {HEAVY!r} if name in sys.modules)
print(json.dumps({{"dagster": t1 - t0, "definitions": t2 - t1, "heavy": heavy}}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of both imports in one process, and which heavy packages came in."""

    dagster: float
    definitions: float
    heavy: list[str]


def measure() -> Cost:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def costs() -> list[Cost]:
    measure()  # writes the byte code, which is not part of the price
    tries = []
    for _ in range(TRIES):
        tries.append(measure())
        if tries[-1].definitions <= BAR * tries[-1].dagster:
            break
    return tries


def test_the_definitions_load_no_heavy_package(costs: list[Cost]) -> None:
    assert costs[0].heavy == []


def test_the_definitions_cost_little_beside_dagster_itself(costs: list[Cost]) -> None:
    ratio = min(cost.definitions / cost.dagster for cost in costs)
    assert ratio <= BAR, f"importing the definitions costs {ratio:.2f} × importing dagster"
