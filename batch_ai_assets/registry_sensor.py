"""When the job registry is looked at again by itself: whenever one of its files has changed.

A broken job must be seen without anybody asking. No run is started: reading the files is cheap,
and what is found is reported straight to the asset and its check.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import dagster as dg

from batch_ai_assets.assets.registry import KEY, registry_finding, registry_metadata
from batch_ai_assets.engine.spec.registry import load_registry


def fingerprint(folder: Path) -> str:
    """Changes when a file below `folder` comes, goes or is written."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        about = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{about.st_mtime_ns}\0{about.st_size}\n".encode())
    return digest.hexdigest()


def registry_sensor(folder: Path) -> dg.SensorDefinition:
    """Reports the registry in `folder` to `job_registry` and its check after every change."""

    @dg.sensor(
        name="job_registry_changes",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks at the job files when one has changed and says which are broken. A new job "
            "appears among the assets after \"Reload definitions\"."
        ),
    )
    def shell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = fingerprint(folder)
        if context.cursor == now:
            return dg.SensorResult(skip_reason="No job file has changed.", cursor=now)
        registry = load_registry(folder)
        return dg.SensorResult(
            asset_events=[
                dg.AssetMaterialization(KEY, metadata=registry_metadata(registry)),
                registry_finding(registry),
            ],
            skip_reason="The registry was read; nothing needs to run.",
            cursor=now,
        )

    return shell
