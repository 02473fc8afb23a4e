"""Decision: which objectives of a job its last batches have kept, and when that is an alert. Pure.

Five of the pattern's six; the warning at 70 % of the time is the watch's (`control/sla.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..alert import Alert
from ..spec.job import JobSpec

DAYS = 30
KIND = "slo_breach"


@dataclass(frozen=True, slots=True)
class Ended:
    """What one batch contributes; documents, unless said otherwise."""

    in_time: bool | None = None
    """None where it had no deadline."""
    within_budget: bool | None = None
    """None where nothing limits its cost."""
    asked: int = 0
    failed_at_first: int = 0
    finished: int = 0
    dead: int = 0
    answers: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Objective:
    """One line of the table: what is promised, and what was kept."""

    name: str
    target: float
    at_most: bool
    """The measured share must not be above the target; else not below it."""
    part: int
    of: int
    """What the share is taken of; 0: nothing was measured."""
    unit: str
    """Of what there are `of`: `batches`, `documents`, `answers`."""
    enough: int
    """With fewer it is shown and is no breach."""
    todo: str

    @property
    def measured(self) -> float | None:
        return self.part / self.of if self.of else None

    @property
    def kept(self) -> bool:
        share = self.measured
        return share is None or (share <= self.target if self.at_most else share >= self.target)

    @property
    def breached(self) -> bool:
        return not self.kept and self.of >= self.enough


def objectives(job: JobSpec, ended: Sequence[Ended]) -> list[Objective]:
    """All objectives of a job over these batches."""

    def total(figure: Callable[[Ended], int]) -> int:
        return sum(figure(one) for one in ended)

    timely = [one.in_time for one in ended if one.in_time is not None]
    cheap = [one.within_budget for one in ended if one.within_budget is not None]
    bars, few = job.thresholds, job.thresholds.min_items
    return [
        Objective(
            "completion_on_time", job.slo.completion_on_time, False, sum(timely), len(timely),
            "batches", 1,
            "See what made them late (`batch-ai alerts --all`): too few calls in flight, the "
            "provider's limits, or a deadline that nobody can keep.",
        ),
        Objective(
            "within_budget", job.slo.within_budget, False, sum(cheap), len(cheap), "batches", 1,
            "Read the approvals: raise budget.limit_usd if the work is worth it, or ask for less "
            "(shorter prompt, several documents in a request, another model).",
        ),
        Objective(
            "failure_rate", bars.failure_rate_warn, True,
            total(lambda one: one.failed_at_first), total(lambda one: one.asked), "documents", few,
            "Look at the reasons in the completion reports; if one stands out, mend the provider, "
            "model or prompt.",
        ),
        Objective(
            "dead_letter_rate", bars.dead_letter_rate_error, True,
            total(lambda one: one.dead), total(lambda one: one.finished), "documents", few,
            f"Read the dead letters (`batch-ai dlq list {job.job}`), find the cause, then replay.",
        ),
        Objective(
            "validation_pass_rate", job.slo.validation_pass_rate, False,
            total(lambda one: one.passed), total(lambda one: one.answers), "answers", few,
            "Compare the dead letters by reason with the last good batch: a changed model, a "
            "changed prompt or new kinds of documents.",
        ),
    ]  # fmt: skip


def slo_breach(job: str, found: Sequence[Objective]) -> Alert | None:
    """One alert for all objectives of a job that were not kept; None where all were."""
    missed = [one for one in found if one.breached]
    if not missed:
        return None
    names = ", ".join(one.name for one in missed)
    said = " ".join(f"{words(one)} {one.todo}" for one in missed)
    return Alert(
        kind=KIND,
        severity="warning",
        job=job,
        batch="",
        title=f"{job}: over {DAYS} days {names} not kept",
        message=f"{said} All of them: `batch-ai slo {job}`.",
        figures={
            "missed": float(len(missed)),
            **{one.name: one.measured or 0.0 for one in missed},
        },
    )


def words(one: Objective) -> str:
    """`dead_letter_rate is 0.40 % of 2,000 documents, and must be at most 0.10 %.`"""
    side = "at most" if one.at_most else "at least"
    share = "not measured yet" if one.measured is None else f"{one.measured:.2%}"
    return f"{one.name} is {share} of {one.of:,} {one.unit}, and must be {side} {one.target:.2%}."
