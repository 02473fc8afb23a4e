"""The dbt tests of a batch as asset checks on `results`: each file of the dbt project is one.

Thin: which there are is `dbt_files.py`'s, what is run and found `dbt_tests.py`'s. They come after
the release and hold nothing back: the platform's own checks did; these prove it by another way, in
the words of analytics engineers.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.assets.catalogue import asset_key
from batch_ai_assets.assets.stage import stage
from batch_ai_assets.dbt_files import TestFile, known_tests
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.partitions import batch_partitions
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from batch_ai_assets.dbt_tests import DbtFinding

PREFIX = "dbt_"
_TO_DO = (
    "Run `make dbt JOB=… BATCH=…` to see it again; `batch-ai fsck` says whether store and tables "
    "agree."
)


def dbt_checks(job: ResolvedJob) -> dg.AssetChecksDefinition | None:
    """All dbt tests of a job; None where they are switched off, or the project is not there."""
    known = _known(settings().dbt)
    if not known:
        return None

    @dg.multi_asset_check(
        name=f"{job.name}__dbt",
        specs=[_spec(job, name, test.meaning) for name, test in known.items()],
        required_resource_keys={ENGINE},
        can_subset=True,
    )
    def body(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from batch_ai_assets.dbt_tests import DbtError, DbtFinding, run_dbt

        wanted = {key.name for key in context.selected_asset_check_keys}
        with stage(context, job) as here:
            try:
                run = run_dbt(job, here.batch, here.deps)
            except DbtError as error:
                found = [
                    DbtFinding(name, test.meaning, trouble=str(error))
                    for name, test in known.items()
                ]
                seconds = here.seconds
            else:
                found, seconds = [*run.findings, *_others(known, run.findings)], run.seconds
        context.log.info(f"dbt took {seconds:.1f} s for {len(found)} tests.")
        for one in found:
            if PREFIX + one.name in wanted:
                yield evaluation(job, one, seconds)
            elif one.name not in known and not one.passed:  # of a schema file: no check shows it
                context.log.warning(f"dbt test {one.name}: {one.found}")

    return body


@cache
def _known(wanted: bool) -> dict[str, TestFile]:
    """Read once for all jobs; a code location that is loaded again is a new process."""
    return known_tests() if wanted else {}


def _others(
    known: Mapping[str, TestFile], found: Sequence["DbtFinding"]
) -> Iterator["DbtFinding"]:
    """Findings of tests that were not run: there is no document, or their file is gone."""
    from batch_ai_assets.dbt_tests import DbtFinding

    gone = "Its file is not there any more: load the definitions again." if found else ""
    names = {one.name for one in found}
    for name, test in known.items():
        if name not in names:
            yield DbtFinding(name, test.meaning, trouble=test.trouble or gone)


def _spec(job: ResolvedJob, name: str, meaning: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        PREFIX + name,
        asset=asset_key(job, "results"),
        description=f"{meaning} (dbt; shows, does not block)",
        additional_deps=[asset_key(job, "dead_letter_queue"), asset_key(job, "review_queue")],
        partitions_def=batch_partitions(job),
    )


def evaluation(job: ResolvedJob, one: "DbtFinding", seconds: float) -> dg.AssetCheckResult:
    """A finding as the Checks tab shows it."""
    return dg.AssetCheckResult(
        asset_key=asset_key(job, "results"),
        check_name=PREFIX + one.name,
        passed=one.passed,
        severity=dg.AssetCheckSeverity.WARN if one.warned else dg.AssetCheckSeverity.ERROR,
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
