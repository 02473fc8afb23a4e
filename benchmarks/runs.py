"""Runs: a piece of work in a process of its own, and rounds in which sides take turns.

A machine is never quiet. So sides are compared within one round, run right after each other, and
the median of the rounds counts.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
FULL = os.environ.get("BENCH_FULL") == "1"
"""Measure with a million items where the design says so: `make bench-full`."""


def fresh(module: str, *arguments: object, stdin: bytes = b"", seconds: float = 900) -> Any:
    """What `benchmarks.<module>` printed last, as JSON. It runs in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True, timeout=seconds)
    return json.loads(done.stdout.splitlines()[-1])


def children_cpu(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """CPU seconds of a command and of all that it started: begin to end, imports and all."""
    before = _children_seconds()
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stdout[-2000:]}")
    return _children_seconds() - before


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def in_rounds(*sides: Callable[[], T], rounds: int = ROUNDS) -> list[list[T]]:
    """What each side came to in each round, side by side; the sides take turns."""
    taken = [[side() for side in sides] for _ in range(rounds)]
    return [list(side) for side in zip(*taken, strict=True)]


def median_ratio(ours: Sequence[float], reference: Sequence[float]) -> float:
    """The median, over the rounds, of ours over the reference of the same round."""
    return statistics.median(a / b for a, b in zip(ours, reference, strict=True))


def peak_bytes() -> int:
    """The most memory that this process ever had.

    Not `ru_maxrss`, where the system tells otherwise: on Linux a process begins with what the
    process had that started it.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, on a Mac
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
