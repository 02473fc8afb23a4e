"""Children: the processes that a drill has started, and their end in every ending of the drill.

Each child leads a group of its own, so that a Ctrl-C meant for the drill does not reach it, and so
that what it starts (a code server, runs) can be ended with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from batch_ai_assets.engine.errors import BatchAIError

_LAST_LINES = 12
T = TypeVar("T")


class DrillError(BatchAIError):
    """The drill itself could not go on: what it waited for did not come."""


def until(look: Callable[[], T | None], what: str, seconds: float, pause: float = 0.1) -> T:
    """The first answer that is not None: what another process does is seen only by looking.

    Raises DrillError after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(pause)
    raise DrillError(f"Waited {seconds:.0f} s for {what}, and it did not come.")


class Child:
    """One process and all that it starts."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, log: Path) -> None:
        self._process = process
        self.name, self.log = name, log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; None while it lives."""
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """Its exit code. Raises DrillError where it is still at work after so long."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failed(f"it was still at work after {seconds:.0f} s") from None

    def kill(self) -> None:
        """Kill -9, at once and without a word, with all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Ask it to go; insist after a while. Nothing of its group is left."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(3.0)
        self.kill()

    def failed(self, what: str) -> DrillError:
        """An error about it, with the last that it wrote."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        said = "\n".join(lines[-_LAST_LINES:]) or "nothing"
        return DrillError(f"Of `{self.name}`: {what}. Exit code: {self.code}. It said:\n{said}")


class Children:
    """All processes of a drill."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, dict(environment)
        self._all: list[Child] = []

    def start(self, words: Sequence[str], name: str) -> Child:
        """A process with the drill's environment; what it says goes to a file."""
        log = self._folder / f"{name}-{len(self._all)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                list(words), cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        child = Child(process, name, log)
        self._all.append(child)
        return child

    def end(self) -> None:
        """None of them is left."""
        for child in reversed(self._all):
            child.end()
