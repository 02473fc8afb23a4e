"""The outbox: a change of an alert is kept in the state store, logged, and appended to a file.

The file is `alerts/outbox.jsonl` below the home: one line for each change, for whatever watches
files, and for when nothing else can be reached. What the store could not take waits in
`alerts/unstored` until it can. When there is an alert is said in `control/`, who is told by
webhook, chat or pager above the engine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson

from .alert import Alert, Change
from .deps import Deps
from .errors import StateError
from .events import log_event


def outbox(home: Path) -> Path:
    """Where alerts are appended."""
    return home / "alerts" / "outbox.jsonl"


def settle(key: str, now: Alert | None, figure: str, deps: Deps) -> None:
    """What is wrong at present under this key, None for nothing. `figure`: where it grows while
    the alert is open, the alert is told again. A store that is away is told later."""
    try:
        taken, kept = deps.store.alerts.settle(key, now, figure)
    except StateError:
        if now is not None:
            settle_later(now, deps)
        return
    if taken is not Change.NOTHING and kept is not None:
        say(deps.home, kept.alert, taken, kept.changed_at)


def settle_later(now: Alert, deps: Deps) -> None:
    """The store is away: it is said at once, and put into the store when that is back."""
    _put_aside(deps.home, now)
    say(deps.home, now, Change.OPEN, time.time())


def say(home: Path, alert: Alert, taken: Change, at: float) -> None:
    """To the log and the outbox; the store is not needed."""
    log_event(
        "alert", job=alert.job, batch=alert.batch, kind=alert.kind, severity=alert.severity,
        change=taken.value, title=alert.title,
    )  # fmt: skip
    _append(outbox(home), orjson.dumps({"at": at, "change": taken.value, **_shown(alert)}))


def take_in(deps: Deps) -> None:
    """Alerts that the store could not take when they came up. Raises StateError."""
    for path, alert in _put_aside_before(deps.home):
        if alert is not None:  # it was said then: whoever is told by the store is told now
            deps.store.alerts.settle(alert.dedup_key, alert, "")
        with suppress(OSError):
            path.unlink()


def _shown(alert: Alert) -> dict[str, object]:
    return {
        "kind": alert.kind,
        "severity": alert.severity,
        "job": alert.job,
        "batch": alert.batch,
        "title": alert.title,
        "message": alert.message,
        "figures": dict(alert.figures),
        "dedup_key": alert.dedup_key,
    }


def _unstored(home: Path) -> Path:
    return home / "alerts" / "unstored"


def _put_aside(home: Path, alert: Alert) -> None:
    """One file for each alert that is open, so that it is taken in once."""
    path = _unstored(home) / (alert.dedup_key.replace("/", ".") + ".json")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}")
        written.write_bytes(orjson.dumps(_shown(alert)))
        written.replace(path)


def _put_aside_before(home: Path) -> Iterator[tuple[Path, Alert | None]]:
    """None for a file that cannot be read."""
    for path in sorted(_unstored(home).glob("*.json")):
        try:
            said = orjson.loads(path.read_bytes())
            said.pop("dedup_key")
            yield path, Alert(**said)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            yield path, None


def _append(path: Path, line: bytes) -> None:
    """One write, so that lines of several processes do not mix. A full disk stops no batch: the
    alert is in the store and in the log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(number, line + b"\n")
        finally:
            os.close(number)
    except OSError as error:
        log_event("outbox_refused", path=str(path), error=os.strerror(error.errno or 0))
