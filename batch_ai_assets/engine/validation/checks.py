"""The checks of a batch: judged on the rows that would be released, before anything is.

Blocking are completeness, schema, rules and lineage; rates only where a job says so (`rates.py`).
What is done with a failed check is decided by whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..figures import BatchFigures, Conservation, counted
from .check_result import CheckResult, found_fault
from .lineage_check import lineage
from .rates import dead_letter_rate, failure_rate, validation_pass_rate
from .rules import failing_counts
from .sandbox import Connect
from .schema_check import schema

if TYPE_CHECKING:
    from ..spec.resolved import ResolvedJob
    from ..tables import BatchTable

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
    job: ResolvedJob, figures: BatchFigures, candidate: BatchTable, connect: Connect
) -> tuple[CheckResult, ...]:
    """Every check of the batch, in the order of `check_result.MEANINGS`.

    `candidate` holds the rows that would be released, and only those. Raises SpecError where a
    rule cannot be judged.
    """
    thresholds = job.spec.thresholds
    paths = candidate.files
    return (
        completeness(figures.conservation, candidate.rows),
        schema(job, paths),
        rules(job, paths, connect),
        lineage(job.name, candidate.batch, paths, connect),
        failure_rate(figures, thresholds),
        dead_letter_rate(figures, thresholds),
        validation_pass_rate(figures, thresholds),
    )


def blocking_failures(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks that hold the release back; nothing may be released unless this is empty."""
    return tuple(result for result in results if result.stops_release)


def completeness(conservation: Conservation, results_rows: int) -> CheckResult:
    """Promise 1: the equation holds, nothing is pending, and rows of results = valid items."""
    faults, todo = [], ""
    if conservation.pending:
        have = "has" if conservation.pending == 1 else "have"
        faults.append(f"{counted(conservation.pending, 'document')} {have} no end yet")
        todo = "Run the batch again: it goes on where it stopped."
    if results_rows != conservation.valid:
        valid = counted(conservation.valid, "valid document")
        faults.append(f"{counted(results_rows, 'row')} for {valid}")
        todo = "Run `batch-ai fsck` on the batch; published tables can be rebuilt from the store."
    if not conservation.holds:
        faults.append(f"the count does not add up: {conservation.line()}")
        todo = "Run `batch-ai fsck` on the batch and report what it says; release nothing by hand."
    return found_fault(
        "completeness",
        "; ".join(faults),
        f"{conservation.line()}; {counted(results_rows, 'row')}",
        "items = pending + valid + review + dead + discarded + cancelled + skipped, none pending, "
        "and one row for each valid document",
        todo,
        {
            "items": float(conservation.items),
            "accounted": float(conservation.accounted),
            "pending": float(conservation.pending),
            "valid": float(conservation.valid),
            "rows": float(results_rows),
        },
    )


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
