"""Signs of life of Dagster's daemons and of the platform's sensors, as its instance keeps them.

Fetched here; which are silent is decided in `engine/control/silence.py`.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.engine.control.silence import Sign

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.spec.resolved import ResolvedJob

_SENSORS = frozenset(
    {"alerts", "dead_letters", "decisions", "job_registry_changes", "resumes", "watch"}
)
_OF_JOBS = ("arrivals", "chain")
_ON = ("RUNNING", "DECLARED_IN_CODE")


def look_for_silence(
    instance: dg.DagsterInstance,
    jobs: Mapping[str, ResolvedJob],
    deps: Deps,
    *,
    sensors: bool = True,
) -> list[str]:
    """Open or resolve alerts about what is silent; what is, one line for each. `sensors`: whether
    their ticks are looked at too; a daemon that has just begun had no time for them yet."""
    from batch_ai_assets.engine.watching import settle_silence

    ticks = list(_sensors(instance, jobs)) if sensors else []
    return settle_silence(list(_daemons(instance)), ticks, deps)


def _daemons(instance: dg.DagsterInstance) -> Iterator[Sign]:
    """Those that have ever been alive."""
    for name, status in instance.get_daemon_statuses().items():
        if status.last_heartbeat is not None:
            yield Sign(f"daemon {name}", status.last_heartbeat.timestamp)


def _sensors(instance: dg.DagsterInstance, jobs: Container[str]) -> Iterator[Sign]:
    """Those of this platform that are switched on and have ever ticked."""
    if instance.schedule_storage is None:
        return
    for state in instance.all_instigator_state():
        data, name = state.instigator_data, state.instigator_name
        ticked = getattr(data, "last_tick_timestamp", None)
        if state.instigator_type.value != "SENSOR" or state.status.value not in _ON:
            continue
        if ticked is not None and _is_ours(name, jobs):
            every = getattr(data, "min_interval", None) or 30
            yield Sign(f"sensor {name}", ticked, float(every))


def _is_ours(name: str, jobs: Container[str]) -> bool:
    job, _, what = name.rpartition("__")
    return name in _SENSORS or (job in jobs and what in _OF_JOBS)
