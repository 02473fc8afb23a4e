"""The confidence check: is the model as sure of its answers as it was in earlier batches?

A model that silently got worse shows here first: its answers still pass the schema, but it is less
sure of them (or sure of everything). It shows and alerts, and holds nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from ..spec.resolved import ResolvedJob
from .check_result import MEANINGS, CheckResult
from .sandbox import Connect, parquet_rows, sandbox

BINS = 10
FEWEST_ANSWERS = 200
"""With fewer, here or before, chance alone moves the index by a tenth: nothing is compared."""
_SECONDS = 60.0
_COUNTS = ", ".join(
    f"count(*) FILTER (WHERE least(floor(confidence * {BINS}), {BINS - 1}) = {place})"
    for place in range(BINS)
)
_SQL = (
    "SELECT count(*), count(confidence), coalesce(avg(confidence), 0), "
    "coalesce(median(confidence), 0), count(*) FILTER (WHERE confidence < $1), "
    f"{_COUNTS} FROM answer"
)
_TODO = (
    "Compare model, prompt and kinds of documents with the last good batch; look at some of the "
    "least sure answers (`batch-ai review list`). If the new level is right, move "
    "thresholds.confidence_shift_warn or output.review_below."
)


def confidence(
    job: ResolvedJob,
    paths: Sequence[str],
    history: Sequence[Mapping[str, float]],
    connect: Connect,
) -> CheckResult:
    """The distribution of the confidences in these Parquet files of `enriched_outputs`, in tenths.

    `history`: the figures of this check in earlier batches. They are compared by the population
    stability index, sum((p - q) * ln(p / q)) over the tenths, as credit scoring has long used it:
    up to 0.1 is stable, above 0.25 is another population.
    """
    bar_at = job.spec.thresholds.confidence_shift_warn
    bar = f"a shift (population stability index) of at most {bar_at:g} against the last batches"
    if job.spec.output.confidence is None:
        return _result(True, "the job does not say how sure an answer is", bar, {})
    below = job.spec.output.review_below
    answers, known, mean, middle, low, *counts = _counted(paths, below or 0.0, connect)
    figures = {
        "answers": float(answers),
        "unknown": float(answers - known),
        "mean": float(mean),
        "median": float(middle),
        **{f"tenth_{place}": float(count) for place, count in enumerate(counts)},
    }
    said = _found(answers, known, mean, middle, low, below)
    before = [sum(one.get(f"tenth_{place}", 0.0) for one in history) for place in range(BINS)]
    if known < FEWEST_ANSWERS or sum(before) < FEWEST_ANSWERS:
        said += "; too few answers to compare with earlier batches"
        return _result(True, said, bar, figures)
    shift = stability_index(counts, before)
    said += f"; a shift of {shift:.3f} against the last {len(history)}"
    return _result(shift <= bar_at, said, bar, {**figures, "shift": shift})


def stability_index(now: Sequence[float], before: Sequence[float]) -> float:
    """0 where both are distributed alike; half a count is added to each bin, so that an empty one
    does not make it infinite."""
    shares = (_shares(now), _shares(before))
    return sum((p - q) * log(p / q) for p, q in zip(*shares, strict=True))


def _shares(counts: Sequence[float]) -> list[float]:
    size = sum(counts) + 0.5 * len(counts)
    return [(count + 0.5) / size for count in counts]


def _counted(paths: Sequence[str], below: float, connect: Connect) -> tuple[float, ...]:
    if not paths:
        return (0.0,) * (5 + BINS)
    with sandbox(connect, sources={"answer": parquet_rows(paths)}) as box:
        row: tuple[float, ...] = box.query(_SQL, _SECONDS, [below])[0]
        return row


def _found(
    answers: float, known: float, mean: float, middle: float, low: float, below: float | None
) -> str:
    if not answers:
        return "no answers to count"
    if not known:
        return f"of {answers:,} answers none says how sure it is"
    said = f"{known:,} answers, sure to {mean:.2f} in the mean and {middle:.2f} in the median"
    if below is not None:
        said += f", {low / known:.1%} below {below:g}"
    if answers > known:
        said += f", {answers - known:,} not known"
    return said


def _result(
    passed: bool, found: str, bar: str, figures: Mapping[str, float]
) -> CheckResult:
    return CheckResult(
        name="confidence",
        passed=passed,
        severity="warn",
        blocking=False,
        meaning=MEANINGS["confidence"],
        found=found,
        bar=bar,
        todo="" if passed else _TODO,
        figures=figures,
    )
