"""Process marks: a name for a process by which another one on the same machine sees its death.

A lease whose holder is known to be dead need not run out. Only what is certain counts: on another
machine, in another container, or where the kernel does not say, nobody is known to be dead.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


def own_mark() -> str:
    """The mark of this process; empty where the kernel does not say enough."""
    started = _started_at(os.getpid())
    place = _place()
    return f"{place}/{os.getpid()}/{started}" if place and started else ""


def is_dead(mark: str) -> bool:
    """True only if the process of `mark` ran here and is certainly gone."""
    try:
        place, pid, started = mark.rsplit("/", 2)
        number = int(pid)
    except ValueError:
        return False
    return bool(place) and place == _place() and _started_at(number) != started


@cache
def _place() -> str:
    """This boot of this machine, and the process namespace (container) in it."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started_at(pid: int) -> str:
    """When the process started, in ticks since boot: tells a reused number from the same process.

    Empty where there is no such process, or only its remains (a zombie).
    """
    try:
        # The name in brackets may hold anything, brackets too: what counts comes after it.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
