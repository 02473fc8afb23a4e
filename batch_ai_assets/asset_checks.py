"""The checks on `raw_inputs` and `validation_report`, evaluated for one batch at a time.

Thin: what is checked is in `engine/validation/input_quality.py` and `checks.py`; here a finding
becomes a row of the Checks tab. All checks of an asset are one step, so that the batch's tables
are read once; a failed one does not hide the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from batch_ai_assets.assets.catalogue import AssetName, asset_key
from batch_ai_assets.assets.stage import Stage, stage
from batch_ai_assets.assets.unreached import report_unreached
from batch_ai_assets.engine.errors import BatchHalted, OrderError
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable
from batch_ai_assets.engine.validation.check_result import INPUT_MEANINGS
from batch_ai_assets.partitions import batch_partitions
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.validation.check_result import CheckResult


@dataclass(frozen=True, slots=True)
class Words:
    """What a check protects, for the catalogue."""

    name: str
    text: str
    rate: bool = False
    """A rate shows and alerts; it blocks only where the job asks for it."""


CHECKS = (
    Words("completeness", "Every document has exactly one end; each valid one has its row, once."),
    Words("schema", "Every row to be released has the columns and types that were promised."),
    Words("rules", "No row to be released breaks a business rule of severity error."),
    Words("lineage", "Every row to be released holds what was answered about its own document."),
    Words(
        "failure_rate",
        "Share of documents whose first try gave no usable answer: the provider's health.",
        rate=True,
    ),
    Words(
        "dead_letter_rate",
        "Share of documents that ended without a result: what downstream will miss.",
        rate=True,
    ),
    Words(
        "validation_pass_rate",
        "Share of answers that are valid: the health of model and prompt.",
        rate=True,
    ),
    Words(
        "confidence",
        "How sure the model is, against earlier batches: what a silent change shows first.",
        rate=True,
    ),
    Words("sla", "Share of the last batches that were complete by their deadline.", rate=True),
)


INPUT_CHECKS = tuple(Words(name, text, rate=True) for name, text in INPUT_MEANINGS.items())


def input_checks(job: ResolvedJob) -> dg.AssetChecksDefinition:
    """All checks of a job's `raw_inputs`: what came, before anything is asked."""

    @dg.multi_asset_check(
        name=f"{job.name}__input_checks",
        specs=[_input_spec(job, words) for words in INPUT_CHECKS],
        required_resource_keys={ENGINE},
        can_subset=True,
    )
    def body(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from batch_ai_assets.engine.inspection import input_checks_of, input_checks_of_run

        with stage(context, job) as here:
            raw = _read_before(here)
            look = input_checks_of_run if selects(here, "work_plan") else input_checks_of
            findings = look(job, here.run, here.deps, raw)
            over_time = _over_time(here, findings)
        wanted = {key.name for key in context.selected_asset_check_keys}
        for finding in findings:
            if finding.name in wanted:
                yield evaluation(job, finding, "raw_inputs", over_time.get(finding.name, ""))
        if any(finding.stops_release for finding in findings):
            _refuse(here, raw)

    return body


def _input_spec(job: ResolvedJob, words: Words) -> dg.AssetCheckSpec:
    blocking = words.name.removeprefix("input_") in job.spec.input_quality.block
    bar = "stops the batch before the first call" if blocking else "shows, does not block"
    return dg.AssetCheckSpec(
        words.name,
        asset=asset_key(job, "raw_inputs"),
        description=f"{words.text} ({bar})",
        blocking=blocking,
        partitions_def=batch_partitions(job),
    )


def _read_before(here: Stage) -> BatchTable:
    raw = here.deps.tables.latest(here.job.name, "raw_inputs", here.batch)
    if raw is None:
        raise OrderError(
            f"Batch {here.job.name}/{here.batch} has not been read yet. Materialize raw_inputs "
            "first, or run the whole job."
        )
    return raw


def job_checks(job: ResolvedJob) -> dg.AssetChecksDefinition:
    """All checks of a job's `validation_report`."""

    @dg.multi_asset_check(
        name=f"{job.name}__checks",
        specs=[_spec(job, words) for words in CHECKS],
        required_resource_keys={ENGINE},
        can_subset=True,
    )
    def body(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        from batch_ai_assets.engine.batch import checks, checks_of_run

        with stage(context, job) as here:
            if _would_release(here):
                findings = checks_of_run(job, here.batch, here.run, here.deps)
            else:
                findings = checks(job, here.batch, here.deps)
            over_time = _over_time(here, findings)
        wanted = {key.name for key in context.selected_asset_check_keys}
        for finding in findings:
            if finding.name in wanted:
                yield evaluation(job, finding, trend=over_time.get(finding.name, ""))
        if any(finding.stops_release for finding in findings):
            _halt(here)

    return body


def _spec(job: ResolvedJob, words: Words) -> dg.AssetCheckSpec:
    blocking = not words.rate or words.name in job.spec.thresholds.block
    bar = "blocks the release" if blocking else "shows and alerts, does not block"
    return dg.AssetCheckSpec(
        words.name,
        asset=asset_key(job, "validation_report"),
        description=f"{words.text} ({bar})",
        blocking=blocking,
        partitions_def=batch_partitions(job),
    )


def _over_time(here: Stage, findings: Sequence["CheckResult"]) -> dict[str, str]:
    """How each check went over the last batches and this one."""
    from batch_ai_assets.engine.history import checked_batches
    from batch_ai_assets.engine.reporting.trends import Checked, trend_words, trends

    past = checked_batches(here.job.name, here.deps.store, before=here.batch)
    now = Checked(here.batch, tuple(findings))
    return {name: trend_words(trend) for name, trend in trends([*past, now]).items()}


def evaluation(
    job: ResolvedJob,
    finding: "CheckResult",
    asset: AssetName = "validation_report",
    trend: str = "",
) -> dg.AssetCheckResult:
    """A finding as the Checks tab shows it: what it means, what was found, the bar, how it went
    over the last batches, what to do."""
    severity = (
        dg.AssetCheckSeverity.ERROR if finding.severity == "error" else dg.AssetCheckSeverity.WARN
    )
    said = [finding.found, f"Bar: {finding.bar}", finding.todo]
    return dg.AssetCheckResult(
        asset_key=asset_key(job, asset),
        check_name=finding.name,
        passed=finding.passed,
        severity=severity,
        description=" ".join(f"{one.rstrip('.')}." for one in said if one),
        metadata={
            "meaning": finding.meaning,
            "found": finding.found,
            "bar": finding.bar,
            "trend": trend or "the first batch",
            "to_do": finding.todo or "nothing",
            **{name: float(value) for name, value in finding.figures.items()},
        },
    )


def _would_release(here: Stage) -> bool:
    return selects(here, "results")


def selects(here: Stage, name: AssetName) -> bool:
    """Whether the run materializes this asset of the job as well."""
    return asset_key(here.job, name) in here.context.job_def.asset_layer.selected_asset_keys


def _refuse(here: Stage, raw: BatchTable) -> None:
    """Dagster will skip `work_plan`; let the engine refuse the batch, and report what is known.

    Only where the run would have planned: a check that is repeated by itself changes nothing.
    """
    if selects(here, "work_plan"):
        from batch_ai_assets.engine.batch import plan_work

        stop_batch(here, lambda: plan_work(here.job, here.batch, here.run, here.deps, raw))


def _halt(here: Stage) -> None:
    """Dagster will skip `results`; let the engine refuse the release, and report what is known.

    Only where the run would have released: a check that is repeated by itself changes nothing.
    """
    if _would_release(here):
        from batch_ai_assets.engine.batch import release

        stop_batch(here, lambda: release(here.job, here.batch, here.run, here.deps))


def stop_batch(here: Stage, go_on: Callable[[], BatchTable]) -> None:
    try:
        go_on()
    except BatchHalted as stop:
        here.tag(f"halted: {stop.reason}")
        here.context.log.error(str(stop))
        report_unreached(here)
