"""Named places where a crash test can stop the process. Unarmed, a failpoint costs one look-up.

Points, in the order of a batch: `after_claim`, `after_manifest`, `after_send`, `after_answer`,
`after_commit`, `after_parquet_part`, `before_pointer`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

POINTS = (
    "after_claim",
    "after_manifest",
    "after_send",
    "after_answer",
    "after_commit",
    "after_parquet_part",
    "before_pointer",
)

_armed: dict[str, list[Callable[[], None]]] = {}


def hit(name: str) -> None:
    """Run what is armed at `name`, if anything."""
    if _armed:
        for action in _armed.get(name, ()):
            action()


def arm(name: str, action: Callable[[], None]) -> None:
    """From now on, run `action` at `name`, after those that are armed there already."""
    if name not in POINTS:
        raise ValueError(f"{name!r} is no failpoint; they are {', '.join(POINTS)}")
    _armed.setdefault(name, []).append(action)


def disarm_all() -> None:
    _armed.clear()


def parse(text: str) -> tuple[str, int]:
    """Name and count of `NAME` or `NAME:COUNT`. Raises ValueError."""
    name, _, count = text.partition(":")
    if name not in POINTS:
        raise ValueError(f"{name!r} is no failpoint; they are {', '.join(POINTS)}")
    if count and not (count.isdecimal() and int(count) > 0):
        raise ValueError(f"{count!r} is no count; write NAME:COUNT, counted from 1")
    return name, int(count or 1)


def kill_at(text: str) -> None:
    """Arm a kill -9 of this process: `NAME` or `NAME:COUNT` (the COUNT-th time, from 1)."""
    name, remaining = parse(text)
    lock = threading.Lock()

    def kill() -> None:
        nonlocal remaining
        with lock:
            remaining -= 1
            if remaining == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    arm(name, kill)
