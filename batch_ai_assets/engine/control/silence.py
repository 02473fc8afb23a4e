"""Decision: which parts of the platform have given no sign of life for too long. Pure.

Who looks, and where signs of life are kept, is above the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..alert import Alert
from .wording import moment

SILENT = "daemon_silent"
PLATFORM = "platform"
"""In place of a job: the alert is about all of them."""
ALL = "Dagster daemon"
_PATIENCE_SECONDS = 300.0
_TICKS = 10
"""A sensor is late when so many of its ticks would have come."""


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of life of a sensor or daemon; UTC seconds since the epoch."""

    name: str
    """For example `sensor alerts`, `daemon SENSOR`."""
    at: float
    every_seconds: float = 30.0
    """How often one is due."""


def silent(daemons: Sequence[Sign], sensors: Sequence[Sign], now: float) -> dict[str, Alert]:
    """Name → alert, of what is silent. Where all daemons are, that is one thing, and nothing is
    said of sensors; where none ever gave a sign, nobody means to run one."""
    if daemons and all(_late(one, now) for one in daemons):
        newest = max(daemons, key=lambda one: one.at)
        return {ALL: _alert(replace(newest, name=ALL))}
    return {one.name: _alert(one) for one in (*daemons, *sensors) if _late(one, now)}


def _late(one: Sign, now: float) -> bool:
    return now - one.at > max(_PATIENCE_SECONDS, _TICKS * one.every_seconds)


def _alert(one: Sign) -> Alert:
    return Alert(
        kind=SILENT,
        severity="error",
        job=PLATFORM,
        batch=one.name,
        title=f"The {one.name} is silent since {moment(one.at)}",
        message="Nothing is started, resumed or watched by it meanwhile. Start the daemon again "
        "(`batch-ai ui`, or the service that runs it); a sensor that was stopped is switched on "
        "in the UI, under Automation.",
        figures={"seen_at": one.at},
    )
