"""job_registry: every job file of this code location, and the check that all of them load."""

import dagster as dg

from batch_ai_assets.engine.spec.registry import Registry, load_registry

KEY = dg.AssetKey(["job_registry"])


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
        return dg.MaterializeResult(
            metadata={
                "jobs": len(registry.jobs),
                "broken": len(registry.broken),
                "providers": len(registry.providers),
                "overview": dg.MetadataValue.md(_overview(registry)),
            }
        )

    return body


def registry_check(registry: Registry) -> dg.AssetChecksDefinition:
    """Fails for as long as a job file does not load, and says what is wrong with each."""

    @dg.asset_check(
        asset=KEY,
        name="every_job_loads",
        description=(
            "Every job file can be loaded. A broken one is listed with the place and the remedy; "
            "the other jobs run meanwhile."
        ),
    )
    def check() -> dg.AssetCheckResult:
        now = load_registry(registry.folder)  # as the files are now, rules proved
        broken = now.broken
        return dg.AssetCheckResult(
            passed=not broken,
            description=(
                f"All {len(now.jobs)} jobs load."
                if not broken
                else f"{len(broken)} job files are wrong: {', '.join(job.name for job in broken)}."
            ),
            metadata={
                "jobs": len(now.jobs),
                "broken": len(broken),
                **{job.name: dg.MetadataValue.text(job.message) for job in broken},
            },
        )

    return check


def _overview(registry: Registry) -> str:
    lines = ["| job | owner | purpose | cadence | model |", "|---|---|---|---|---|"]
    for name, job in sorted(registry.jobs.items()):
        spec = job.spec
        purpose = " ".join(spec.purpose.split()).replace("|", "/")
        lines.append(
            f"| {name} | {spec.owner} | {purpose} | {spec.batches.cadence} "
            f"| {spec.model.provider} {spec.model.name} |"
        )
    return "\n".join(lines)
