"""The rate checks: shares of a batch against the job's bars (pattern section 10). Pure.

A rate shows and alerts. It holds the release back only where the job names it in
`thresholds.block`, in ERROR, and with enough finished items to mean something: one bad document
must not unpublish a batch.
"""

from __future__ import annotations

from ..figures import BatchFigures
from ..spec.job import ThresholdsSpec
from .check_result import MEANINGS, CheckResult, Severity

_UNUSABLE = frozenset({"empty_answer", "malformed", "schema", "taxonomy", "truncated"})
"""Reasons of dead letters whose model did answer, but not with anything usable."""


def shares(figures: BatchFigures) -> dict[str, float]:
    """The three rates as plain numbers, by the name of their check."""
    bars = ThresholdsSpec()
    rates = (failure_rate, dead_letter_rate, validation_pass_rate)
    return {one.name: one.figures[one.name] for one in (rate(figures, bars) for rate in rates)}


def failure_rate(figures: BatchFigures, thresholds: ThresholdsSpec) -> CheckResult:
    """Items whose first finished attempt failed, of the items asked (before any retry)."""
    share = _share(figures.first_try_failed, figures.asked)
    severity: Severity = "error" if share > thresholds.failure_rate_error else "warn"
    return _rate(
        "failure_rate",
        share <= thresholds.failure_rate_warn,
        severity,
        figures,
        thresholds,
        found=_of(figures.first_try_failed, figures.asked, "asked documents failed at first"),
        bar=f"at most {thresholds.failure_rate_warn:.2%}; "
        f"above {thresholds.failure_rate_error:.2%} it is an error",
        todo="Look at the reasons in the completion report; if one stands out, mend the provider, "
        "model or prompt before anything is replayed.",
        counts={
            "failure_rate": share,
            "first_try_failed": figures.first_try_failed,
            "asked": figures.asked,
        },
    )


def dead_letter_rate(figures: BatchFigures, thresholds: ThresholdsSpec) -> CheckResult:
    """Dead letters of the finished items. Any dead letter warns."""
    dead, finished = figures.conservation.dead, figures.conservation.finished
    share = _share(dead, finished)
    severity: Severity = "error" if share > thresholds.dead_letter_rate_error else "warn"
    return _rate(
        "dead_letter_rate",
        dead == 0,
        severity,
        figures,
        thresholds,
        found=_of(dead, finished, "finished documents are dead letters"),
        bar=f"none; above {thresholds.dead_letter_rate_error:.2%} it is an error",
        todo="Read the dead letters (`batch-ai dlq list`), find the cause and mend it.",
        counts={"dead_letter_rate": share, "dead": dead, "finished": finished},
    )


def validation_pass_rate(figures: BatchFigures, thresholds: ThresholdsSpec) -> CheckResult:
    """Answers that passed schema, taxonomy and error rules, of the items the model answered."""
    by_rule = sum(n for why, n in figures.dead_by_reason.items() if why.startswith("rule:"))
    unusable = sum(n for why, n in figures.dead_by_reason.items() if why in _UNUSABLE)
    before = sum(n for why, n in figures.carried_by_reason.items() if why.startswith("rule:"))
    outputs = figures.answered + unusable + before
    passed = max(0, figures.answered - (by_rule - before))
    share = _share(passed, outputs, of_none=1.0)
    return _rate(
        "validation_pass_rate",
        share >= thresholds.validation_pass_rate_error,
        "error",
        figures,
        thresholds,
        found=_of(passed, outputs, "answers passed schema, taxonomy and rules"),
        bar=f"at least {thresholds.validation_pass_rate_error:.2%}",
        todo="Compare the dead letters by reason with the last good batch: a changed model, a "
        "changed prompt or new kinds of documents.",
        counts={"validation_pass_rate": share, "passed": passed, "outputs": outputs},
    )


def _rate(
    name: str,
    passed: bool,
    severity: Severity,
    figures: BatchFigures,
    thresholds: ThresholdsSpec,
    *,
    found: str,
    bar: str,
    todo: str,
    counts: dict[str, float],
) -> CheckResult:
    finished = figures.conservation.finished
    named = name in thresholds.block
    enough = finished >= thresholds.min_items
    if named and not enough:
        # An error would hold the release back in Dagster as well.
        severity = "warn"
        found += f"; too few finished documents ({finished:,}) to block"
    if named:
        bar += f"; an error blocks from {thresholds.min_items:,} finished documents on"
    return CheckResult(
        name=name,
        passed=passed,
        severity=severity,
        blocking=named and enough and severity == "error",
        meaning=MEANINGS[name],
        found=found,
        bar=bar,
        todo="" if passed else todo,
        figures={key: float(value) for key, value in counts.items()},
    )


def _share(part: int, whole: int, of_none: float = 0.0) -> float:
    return part / whole if whole else of_none


def _of(part: int, whole: int, what: str) -> str:
    if not whole:
        return f"no documents to count ({what})"
    return f"{part:,} of {whole:,} {what} ({part / whole:.2%})"
