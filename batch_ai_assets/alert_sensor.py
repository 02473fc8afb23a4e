"""The sensor that tells people of alerts. Who is told, and how, is `alert_delivery.py`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.alert_delivery import deliver
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps


def alert_sensor() -> dg.SensorDefinition:
    """One for the platform; it starts no run."""

    @dg.sensor(
        name="alerts",
        target=None,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={ENGINE},
        description=(
            "Sends alerts to the addresses of BATCH_AI_ALERT_URLS, again until each has taken "
            "them. Without an address they are in the log, in alerts/outbox.jsonl below the home, "
            "and in `batch-ai alerts`."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        deps: Deps = context.resources.engine.deps
        return dg.SkipReason(deliver(deps.store).words)

    return shell
