"""The sensor that watches deadlines and windows. What it looks at is `engine/watching.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.consumer_delivery import tell_consumers
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps

WATCH_SECONDS = 30


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
        return dg.SkipReason(" ".join(said) or "Every batch is in time.")

    return shell
