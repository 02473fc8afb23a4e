"""The dbt tests of a batch as asset checks on `results`: each file of the dbt project is one.

Thin: what is run and found is `dbt_tests.py`'s. They come after the release and hold nothing back:
the platform's own checks did; these prove it by another way, in the words of analytics engineers.
"""

from collections.abc import Iterator

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.dbt_tests import DbtError, DbtFinding, known_tests
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.partitions import batch_partitions
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.settings import settings

PREFIX = "dbt_"
_TO_DO = (
    "Run `make dbt JOB=… BATCH=…` to see it again; `batch-ai fsck` says whether store and tables "
    "agree."
)


def dbt_checks(job: ResolvedJob) -> dg.AssetChecksDefinition | None:
    """All dbt tests of a job; None where they are switched off, or the project is not there."""
    meanings = known_tests() if settings().dbt else {}
    if not meanings:
        return None

    @dg.multi_asset_check(
        name=f"{job.name}__dbt",
        specs=[_spec(job, name, meaning) for name, meaning in meanings.items()],
        required_resource_keys={ENGINE},
        can_subset=True,
    )
    def body(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from batch_ai_assets.dbt_tests import run_dbt

        wanted = {key.name for key in context.selected_asset_check_keys}
        with stage(context, job) as here:
            try:
                run = run_dbt(job, here.batch, here.deps)
            except DbtError as error:
                found = [DbtFinding(n, words, 0, (), str(error)) for n, words in meanings.items()]
                seconds = here.seconds
            else:
                found, seconds = list(run.findings), run.seconds
                nothing = {one.name for one in found}
                found += [DbtFinding(n, w, 0, ()) for n, w in meanings.items() if n not in nothing]
        context.log.info(f"dbt took {seconds:.1f} s for {len(found)} tests.")
        for one in found:
            if PREFIX + one.name in wanted:
                yield evaluation(job, one, seconds)

    return body


def _spec(job: ResolvedJob, name: str, meaning: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        PREFIX + name,
        asset=asset_key(job, "results"),
        description=f"{meaning} (dbt; shows, does not block)",
        additional_deps=[asset_key(job, "dead_letter_queue"), asset_key(job, "review_queue")],
        partitions_def=batch_partitions(job),
    )


def evaluation(job: ResolvedJob, one: DbtFinding, seconds: float) -> dg.AssetCheckResult:
    """A finding as the Checks tab shows it."""
    return dg.AssetCheckResult(
        asset_key=asset_key(job, "results"),
        check_name=PREFIX + one.name,
        passed=one.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=one.found,
        metadata={
            "meaning": one.meaning,
            "found": one.found,
            "bar": "no row",
            "to_do": "nothing" if one.passed else _TO_DO,
            "failing_rows": one.failing,
            "dbt_seconds": round(seconds, 2),
        },
    )
