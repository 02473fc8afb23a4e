"""Which UI runs on a home: one at a time, because each comes with a daemon that starts runs.

Whoever starts one holds a lock in the Dagster home for as long as it lives. A UI that was started
in another way is known by its port, and by the home that it names when it is asked.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from batch_ai_assets.engine.errors import BatchAIError
from batch_ai_assets.ui_links import HOST, LOCK_FILE, noted_port

_PATIENCE_SECONDS = 5.0
_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""This machine is never asked through a proxy."""


class PortTakenError(BatchAIError):
    """Something else listens where the UI should."""


@dataclass(frozen=True, slots=True)
class RunningUi:
    """A UI that is there already."""

    port: int


def claim(dagster_home: Path, port: int) -> RunningUi | None:
    """The UI that runs on this home; None where there is none: this process then holds its place.

    The place is kept through an `exec` and given back by the end of the process. Raises
    PortTakenError.
    """
    lock = os.open(dagster_home / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return RunningUi(_noted_port(lock) or port)
    for known in {_noted_port(lock) or port, port}:
        if home_of(known) == str(dagster_home):
            os.close(lock)
            return RunningUi(known)
    if not _is_free(port):
        os.close(lock)
        raise PortTakenError(_taken(port))
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps({"port": port}).encode(), 0)
    os.set_inheritable(lock, True)
    return None


def home_of(port: int) -> str | None:
    """DAGSTER_HOME of the UI that listens there; empty where it does not say, None: no UI."""
    question = urllib.request.Request(
        f"http://{HOST}:{port}/graphql",
        json.dumps({"query": "{ version instance { info } }"}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with _LOCAL.open(question, timeout=_PATIENCE_SECONDS) as reply:
            answer = json.load(reply)["data"]
            lines = [line.strip() for line in str(answer["instance"]["info"]).splitlines()]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    homes = (line.removeprefix("base_dir: ") for line in lines if line.startswith("base_dir: "))
    return next(homes, "")


def _noted_port(lock: int) -> int | None:
    return noted_port(os.pread(lock, 1000, 0))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _taken(port: int) -> str:
    who = "Another program" if home_of(port) is None else "The Dagster UI of another home"
    return (
        f"{who} listens on {HOST}:{port}; no UI was started."
        f" Choose another port, for example: batch-ai ui --port {port + 1}"
    )
