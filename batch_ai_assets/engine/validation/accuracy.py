"""Accuracy against known truth, with its uncertainty. Pure figures.

Where the truth comes from (an input attribute) is said by the job's `evaluation`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

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
    half = Z_95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def evaluate(
    judged: Iterable[tuple[str | None, str | None, str | None]],
) -> tuple[CohortAccuracy, ...]:
    """Accuracy over all, then by cohort in name order, from (cohort, answer, truth).

    An item without a truth does not count; one without an answer counts as wrong. The row `all`
    comes first; no other row where no item names a cohort; nothing where no item has a truth.
    """
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    total = [0, 0]
    for cohort, answer, truth in judged:
        if truth is None or truth == "":
            continue
        right = int(answer == truth)
        total[0] += right
        total[1] += 1
        if cohort:
            counted[cohort][0] += right
            counted[cohort][1] += 1
    if total[1] == 0:
        return ()
    rows = [_cohort(ALL, *total)]
    rows += [_cohort(name, *counted[name]) for name in sorted(counted)]
    return tuple(rows)


def _cohort(name: str, correct: int, n: int) -> CohortAccuracy:
    low, high = wilson(correct, n)
    return CohortAccuracy(name, n, correct, correct / n, low, high)
