"""Accuracy and macro-F1 against known truth, with their uncertainty. Pure figures.

Where the truth comes from (an input attribute) is said by the job's `evaluation`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""

ALL = "all"


@dataclass(frozen=True, slots=True)
class CohortAccuracy:
    """Accuracy of one cohort; `low` and `high` bound the share with 95 % confidence."""

    cohort: str
    n: int
    correct: int
    share: float
    low: float
    high: float
    macro_f1: float | None = None
    """The mean F1 of all classes, each as heavy as any other, 0 to 1: falls where rare classes
    are missed, which accuracy hides. None in records from before it was measured."""


@dataclass(slots=True)
class _Tally:
    """What was said and what was true, by class."""

    n: int = 0
    right: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)

    def add(self, answer: str | None, truth: str) -> None:
        self.n += 1
        self.true[truth] += 1
        if answer is not None:
            self.said[answer] += 1
            self.right[truth] += answer == truth

    def macro_f1(self) -> float:
        """Over the classes that were said or true; F1 = 2 · right / (said + true)."""
        classes = self.said.keys() | self.true.keys()
        scores = [2 * self.right[one] / (self.said[one] + self.true[one]) for one in classes]
        return math.fsum(scores) / len(scores)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % Wilson score interval of a share; (0, 1) where nothing was counted.

    Stays inside 0..1 and honest for small n and shares near 0 or 1, where the textbook normal
    interval does not (E. B. Wilson, "Probable inference", JASA 22, 1927).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} is not a share")
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z_95 * Z_95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def evaluate(
    judged: Iterable[tuple[str | None, str | None, str | None]],
) -> tuple[CohortAccuracy, ...]:
    """Accuracy and macro-F1 over all, then by cohort in name order, from (cohort, answer, truth).

    An item without a truth does not count; one without an answer counts as wrong. The row `all`
    comes first; no other row where no item names a cohort; nothing where no item has a truth.
    """
    cohorts: dict[str, _Tally] = defaultdict(_Tally)
    total = _Tally()
    for cohort, answer, truth in judged:
        if truth is None or truth == "":
            continue
        total.add(answer, truth)
        if cohort:
            cohorts[cohort].add(answer, truth)
    if total.n == 0:
        return ()
    rows = [_cohort(ALL, total)]
    rows += [_cohort(name, cohorts[name]) for name in sorted(cohorts)]
    return tuple(rows)


def _cohort(name: str, tally: _Tally) -> CohortAccuracy:
    correct, n = tally.right.total(), tally.n
    low, high = wilson(correct, n)
    return CohortAccuracy(name, n, correct, correct / n, low, high, tally.macro_f1())
