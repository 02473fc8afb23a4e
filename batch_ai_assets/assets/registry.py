"""job_registry: every job file of this code location, and the check that all of them load."""

from typing import Any

import dagster as dg

from batch_ai_assets.assets.overview import table
from batch_ai_assets.engine.spec.registry import Registry
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.ui_links import asset_path

KEY = dg.AssetKey(["job_registry"])
CHECK = "every_job_loads"


def job_registry(registry: Registry) -> dg.AssetsDefinition:
    """The Batch AI Job Registry as it was when this code location was loaded."""

    @dg.asset(
        key=KEY,
        group_name="platform",
        kinds={"yaml"},
        description=(
            "The jobs of this platform: which there are, who owns them, what they are for. A job "
            "file that is wrong shows up in the check on this asset and takes no other job down."
        ),
    )
    def body() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=registry_metadata(registry))

    return body


def registry_metadata(registry: Registry) -> dict[str, Any]:
    """How many jobs there are, and which."""
    return {
        "jobs": len(registry.jobs),
        "broken": len(registry.broken),
        "providers": len(registry.providers),
        "overview": dg.MetadataValue.md(_overview(registry)),
    }


def registry_check(registry: Registry) -> dg.AssetChecksDefinition:
    """Fails for as long as a job file does not load, and says what is wrong with each."""

    @dg.asset_check(
        asset=KEY,
        name=CHECK,
        description=(
            "Every job file can be loaded. A broken one is listed with the place and the remedy; "
            "the other jobs run meanwhile. Looked at by itself whenever a file changes."
        ),
    )
    def check() -> dg.AssetCheckResult:
        finding = registry_finding(registry)
        return dg.AssetCheckResult(
            passed=finding.passed, description=finding.description, metadata=finding.metadata
        )

    return check


def registry_finding(registry: Registry) -> dg.AssetCheckEvaluation:
    """What the check says of this registry: every broken job by name, with its messages."""
    broken = registry.broken
    names = ", ".join(job.name for job in broken)
    return dg.AssetCheckEvaluation(
        asset_key=KEY,
        check_name=CHECK,
        passed=not broken,
        description=(
            f"{len(broken)} broken: {names}." if broken else f"Loaded: {len(registry.jobs)}."
        ),
        metadata={
            "jobs": len(registry.jobs),
            "broken": len(broken),
            **{job.name: dg.MetadataValue.text(job.message) for job in broken},
        },
    )


def _overview(registry: Registry) -> str:
    head = ("job", "purpose", "owner", "data class", "cadence", "model")
    rows = [_row(name, job) for name, job in sorted(registry.jobs.items())]
    return "\n".join(table(head, rows))


def _row(name: str, job: ResolvedJob) -> tuple[str, ...]:
    spec = job.spec
    return (
        f"[{name}]({asset_path(name, 'results')})",
        spec.purpose,
        spec.owner,
        spec.data_classification,
        spec.batches.cadence,
        f"{spec.model.name} at {spec.model.provider}",
    )
