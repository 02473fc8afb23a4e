"""The checks of a batch: judged on the rows that would be released, before anything is.

Blocking are completeness, schema, rules and lineage; rates only where a job says so (`rates.py`).
What is done with a failed check is decided by whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..figures import BatchFigures, counted
from .check_result import CheckResult, found_fault
from .completeness_check import completeness, rows_found
from .confidence_check import confidence
from .lineage_check import lineage
from .rates import dead_letter_rate, failure_rate, validation_pass_rate
from .rules import failing_counts
from .sandbox import Connect, sandbox
from .schema_check import schema
from .sla_check import sla

if TYPE_CHECKING:
    from ..spec.resolved import ResolvedJob
    from .version_tables import VersionTables

__all__ = [
    "blocking_failures",
    "completeness",
    "dead_letter_rate",
    "failure_rate",
    "lineage",
    "rules",
    "run_checks",
    "schema",
    "validation_pass_rate",
]


def run_checks(
    job: ResolvedJob,
    figures: BatchFigures,
    tables: VersionTables,
    connect: Connect,
    confidences: Sequence[Mapping[str, float]] = (),
    in_time: Sequence[bool | None] = (),
) -> tuple[CheckResult, ...]:
    """Every check of the batch, in the order of `check_result.MEANINGS`.

    `confidences`: what the check of that name counted in earlier batches; `in_time`: whether the
    last versions kept their deadlines, this one the last. Raises SpecError where a rule cannot be
    judged, StorageError where a table is gone.
    """
    thresholds = job.spec.thresholds
    with sandbox(connect) as box:  # one for both: to open it costs more than to ask a small batch
        found = rows_found(tables, box)
        traced = lineage(tables, box)
    return (
        completeness(figures.conservation, found),
        schema(job, tables.results.files),
        rules(job, tables.results.filled_files, connect),
        traced,
        failure_rate(figures, thresholds),
        dead_letter_rate(figures, thresholds),
        validation_pass_rate(figures, thresholds),
        confidence(job, tables.enriched_outputs.filled_files, confidences, connect),
        sla(job, in_time),
    )


def blocking_failures(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks that hold the release back; nothing may be released unless this is empty."""
    return tuple(result for result in results if result.stops_release)


def rules(job: ResolvedJob, paths: Sequence[str], connect: Connect) -> CheckResult:
    """Prove again that no row to be released fails a rule of severity error."""
    binding = [rule for rule in job.spec.rules if rule.severity == "error"]
    counts = failing_counts(job, binding, paths, connect)
    failing = {name: found for name, found in counts.items() if found[0]}
    return found_fault(
        "rules",
        "; ".join(
            f"{name} fails on {counted(count, 'row')}, the first is {item_id}"
            for name, (count, item_id) in failing.items()
        ),
        _held(len(binding)),
        "no row fails a rule of severity error",
        "Nothing was released. Rows that fail an error rule end as dead letters before this "
        "check: run `batch-ai fsck` on the batch.",
        {
            "rules": float(len(binding)),
            "failing_rules": float(len(failing)),
            "failing_rows": float(max((count for count, _ in failing.values()), default=0)),
        },
    )


def _held(binding: int) -> str:
    if not binding:
        return "the job has no rules of severity error"
    return f"{counted(binding, 'error rule')} {'holds' if binding == 1 else 'hold'} on every row"
