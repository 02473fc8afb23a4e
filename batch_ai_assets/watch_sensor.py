"""The sensor that watches deadlines and windows. What it looks at is `engine/watching.py`'s."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.consumer_delivery import tell_consumers
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.signs_of_life import look_for_silence

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

WATCH_SECONDS = 30
_AWAKE_SECONDS = 4 * WATCH_SECONDS
"""A daemon that was away for longer has just begun: its other sensors had no time to tick."""


def watch_sensor(jobs: Mapping[str, ResolvedJob]) -> dg.SensorDefinition:
    """One for the platform; it starts no run."""

    @dg.sensor(
        name="watch",
        target=None,
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={ENGINE},
        description=(
            "Looks at every unfinished batch and its deadline, at windows that have no batch, and "
            "at sensors that are silent; opens alerts, hurries runs, and tells consumers."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from batch_ai_assets.engine.metrics import keep_metrics
        from batch_ai_assets.engine.watching import watch

        deps: Deps = context.resources.engine.deps
        said = watch(jobs, deps) + tell_consumers(jobs, deps).lines + keep_metrics(jobs, deps)
        ticked = context.last_tick_completion_time or 0.0
        awake = time.time() - ticked < _AWAKE_SECONDS
        said += look_for_silence(context.instance, jobs, deps, sensors=awake)
        return dg.SkipReason(" ".join(said) or "Every batch is in time.")

    return shell
