"""A run of a batch in a process of its own, on the engine's entry point, to be killed or stopped.

Victims are forked from a process that has everything loaded (`nursery.py`). A victim notes when
its commits begin and end, so that the test knows what was at risk at the moment of death, and
says at the end how the batch ended.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from batch_ai_assets.engine import failpoints
from batch_ai_assets.engine.batch import Mode, Run, run_batch
from batch_ai_assets.engine.errors import LeaseHeldError

from ..world import world

MARKS, ENDING = "marks.txt", "ending.json"
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Order:
    """What the victim is to run."""

    home: Path
    base_url: str
    run_id: str
    spec: dict[str, Any]
    batch: str = "b1"
    mode: Mode = Mode.RESUME
    failpoint: str = ""
    """`NAME:COUNT` where it kills itself, or nothing."""
    grace_seconds: float = 25.0


class Victim:
    """A process that carries out an order, from now on."""

    def __init__(self, order: Order) -> None:
        for name in (MARKS, ENDING):
            (order.home / name).unlink(missing_ok=True)
        self._order = order
        nursery = multiprocessing.get_context("forkserver")
        nursery.set_forkserver_preload([f"{__package__}.nursery"])
        self._process = nursery.Process(target=carry_out, args=(order,))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.exitcode is None

    def send(self, number: int) -> None:
        """A signal; nothing where the process has ended."""
        if self.alive:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code: minus the number of the signal that killed it."""
        self._process.join(_PATIENCE_SECONDS)
        code = self._process.exitcode
        assert code is not None, f"the victim is at work after {_PATIENCE_SECONDS:g} s"
        return code

    def said(self) -> dict[str, str]:
        """How the batch ended, from the victim's own mouth."""
        content: dict[str, str] = json.loads((self._order.home / ENDING).read_text())
        return content

    def bury(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        self._process.join()


@contextmanager
def victim(order: Order) -> Iterator[Victim]:
    """A victim that has its order; gone after the block."""
    one = Victim(order)
    try:
        yield one
    finally:
        one.bury()


def carry_out(order: Order) -> None:
    """In the victim's process: run the batch."""
    _note_commits(order.home / MARKS)
    if order.failpoint:
        failpoints.kill_at(order.failpoint)
    run = Run(order.run_id, "victim", order.mode)
    with world(order.home, order.base_url, spec=order.spec) as here:
        deps = replace(here.deps, grace_seconds=order.grace_seconds)
        try:
            outcome = run_batch(here.job, order.batch, run, deps)
            ending = {"state": outcome.state.value, "message": outcome.message}
        except LeaseHeldError as held:
            ending = {"state": "held", "message": str(held)}
    (order.home / ENDING).write_text(json.dumps(ending))


def _note_commits(path: Path) -> None:
    """What happened and when, monotonic seconds: one line each.

    `answer` at the first answer, `begin` and `end` of every commit, `part` of every published one.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    answered = False

    def note(what: str) -> Callable[[], None]:
        return lambda: _write(handle, what)

    def first() -> None:
        nonlocal answered
        if not answered:
            answered = True
            _write(handle, "answer")

    failpoints.arm("after_send", first)
    failpoints.arm("after_answer", note("begin"))
    failpoints.arm("after_commit", note("end"))
    failpoints.arm("after_parquet_part", note("part"))


def _write(handle: int, what: str) -> None:
    os.write(handle, f"{what} {time.monotonic()}\n".encode())
