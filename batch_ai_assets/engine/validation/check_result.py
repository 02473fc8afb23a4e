"""What a check of a batch is called, what it protects, and what it found.

Light, because Dagster's check definitions are made from it. The checks are in `checks.py` and
`input_quality.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..spec.resolved import ResolvedJob

Severity = Literal["warn", "error"]

MEANINGS: dict[str, str] = {
    "completeness": "Every document of the batch has exactly one end, and the rows to be released "
    "are the valid documents: each once, and no other.",
    "schema": "Every row to be released has the columns, types and values that the job's output "
    "schema and taxonomy promise.",
    "rules": "No row to be released breaks a business rule of severity error.",
    "lineage": "Every row to be released is of a document of the batch, holds what was answered "
    "about that document and no other, and says which run, model and prompt it comes from.",
    "failure_rate": "How many documents failed at their first call: a sign of a provider, model "
    "or prompt in trouble.",
    "dead_letter_rate": "How many documents ended as dead letters: each of them needs a person.",
    "validation_pass_rate": "How many of the model's answers passed schema, taxonomy and rules: "
    "a sign of the model's or the prompt's quality.",
    "confidence": "How sure the model is of its answers, against earlier batches: a model that got "
    "worse in silence shows here first.",
    "sla": "How many of the job's last batches were complete by their deadline: what those who "
    "read the results can count on.",
}
"""Every check on the way to a release in the order they are shown, with what it protects."""

INPUT_MEANINGS: dict[str, str] = {
    "input_empty": "Documents without visible text: nothing can be asked about them.",
    "input_duplicate": "Documents that are in the batch already, by their text or by their id: a "
    "delivery that came twice, or was cut wrongly.",
    "input_undecodable": "Documents that cannot be read as text: damaged, or in a character set "
    "or format that nobody expected.",
    "input_over_long": "Documents that are longer than the model takes.",
    "input_language_mix": "Documents in a language that prompt and model were not made for.",
    "input_size": "How many documents came, against the usual: a delivery that is half missing, "
    "or holds more than it should.",
}
"""Every check of the documents of a batch, made before the first call."""

BUDGET_MEANING = (
    "What the batch is expected to cost, before the first call, against what it may spend: above "
    "it, a person says first whether it begins."
)

ALWAYS_BLOCKING = frozenset({"completeness", "schema", "rules", "lineage"})


def may_block(job: ResolvedJob, name: str) -> bool:
    """True where a failure of this check can hold the release back: always, or by the job."""
    return name in ALWAYS_BLOCKING or name in job.spec.thresholds.block


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one batch version. Never holds document text; item ids are fine."""

    name: str
    passed: bool
    severity: Severity
    """How bad it is where it failed."""
    blocking: bool
    """True: while this check fails, nothing of the batch is released; a check of the documents
    stops it before the first call."""
    meaning: str
    """What the check protects."""
    found: str
    """What was counted or measured."""
    bar: str
    """What would have passed."""
    todo: str
    """What a person does now; empty where it passed."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Numbers that plot over time; the same keys in every batch that has them."""

    @property
    def stops_release(self) -> bool:
        return self.blocking and not self.passed


def found_fault(
    name: str, faults: str, found: str, bar: str, todo: str, figures: Mapping[str, float]
) -> CheckResult:
    """Result of a check that always blocks; it passed where `faults` is empty."""
    return CheckResult(
        name=name,
        passed=not faults,
        severity="error",
        blocking=name in ALWAYS_BLOCKING,
        meaning=MEANINGS[name],
        found=faults or found,
        bar=bar,
        todo=todo if faults else "",
        figures=figures,
    )
