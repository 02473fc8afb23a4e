"""The confidence check: quiet while the model is as sure as ever, a warning once it is not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.validation.check_result import CheckResult
from batch_ai_assets.engine.validation.confidence_check import confidence, stability_index

from ..world import make_job

SAYS_ITSELF = {
    "output": {
        "schema": {"properties": {"sure": {"type": "number"}}},
        "confidence": {"from": "field", "field": "sure"},
        "review_below": 0.6,
    }
}


def judged(
    folder: Path,
    values: Sequence[float | None],
    history: Sequence[CheckResult] = (),
    job: ResolvedJob | None = None,
) -> CheckResult:
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.table({"confidence": pa.array(values, pa.float64())}), path)
    return confidence(
        job or make_job(folder, SAYS_ITSELF), [str(path)], [one.figures for one in history],
        lambda: duckdb.connect(":memory:"),
    )  # fmt: skip


def draws(count: int, low: float, high: float, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.uniform(low, high) for _ in range(count)]


def test_batches_that_are_alike_pass_and_say_so_in_figures(tmp_path: Path) -> None:
    first = judged(tmp_path, draws(2000, 0.5, 1.0, 1))
    second = judged(tmp_path, draws(2000, 0.5, 1.0, 2), [first])
    assert (first.passed, second.passed) == (True, True)
    assert "too few answers to compare" in first.found
    assert second.figures["shift"] < 0.1
    assert second.figures["mean"] == pytest.approx(0.75, abs=0.02)
    assert sum(v for k, v in second.figures.items() if k.startswith("tenth_")) == 2000
    assert "below 0.6" in second.found


def test_a_model_that_is_less_sure_than_before_is_a_warning_that_blocks_nothing(
    tmp_path: Path,
) -> None:
    before = [judged(tmp_path, draws(1000, 0.7, 1.0, seed)) for seed in range(3)]
    found = judged(tmp_path, draws(1000, 0.4, 1.0, 9), before)
    assert (found.passed, found.severity, found.blocking) == (False, "warn", False)
    assert found.figures["shift"] > 0.25
    assert "batch-ai review list" in found.todo


def test_a_model_that_is_suddenly_sure_of_everything_is_one_too(tmp_path: Path) -> None:
    before = judged(tmp_path, draws(1000, 0.5, 1.0, 1))
    assert not judged(tmp_path, [1.0] * 1000, [before]).passed


def test_a_few_answers_prove_nothing(tmp_path: Path) -> None:
    before = judged(tmp_path, draws(1000, 0.7, 1.0, 1))
    assert judged(tmp_path, draws(50, 0.0, 0.3, 2), [before]).passed
    assert judged(tmp_path, draws(1000, 0.0, 0.3, 2), [judged(tmp_path, [0.9] * 50)]).passed


def test_answers_without_a_confidence_are_counted_and_an_empty_batch_passes(
    tmp_path: Path,
) -> None:
    found = judged(tmp_path, [None, 0.5, None])
    assert found.figures["unknown"] == 2
    assert "2 not known" in found.found
    assert judged(tmp_path, []).passed
    assert judged(tmp_path, [None]).found .startswith("of 1 answers none says")
    job = make_job(tmp_path)
    assert judged(tmp_path, [None], job=job).found == "the job does not say how sure an answer is"


def test_the_edges_belong_to_the_last_and_the_first_tenth(tmp_path: Path) -> None:
    figures = judged(tmp_path, [0.0, 0.0999, 0.1, 0.95, 1.0]).figures
    assert [figures[f"tenth_{n}"] for n in (0, 1, 9)] == [2, 1, 2]


COUNTS = st.lists(st.integers(0, 10_000), min_size=10, max_size=10)


@given(COUNTS, COUNTS)
def test_the_index_is_no_distance_below_zero_and_the_same_both_ways(
    now: list[int], before: list[int]
) -> None:
    assert stability_index(now, before) >= 0.0
    assert stability_index(now, before) == pytest.approx(stability_index(before, now))
    assert stability_index(now, now) == 0.0
