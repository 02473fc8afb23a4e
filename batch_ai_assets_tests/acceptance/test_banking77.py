"""A part of the banking77 messages through the whole engine, on the real small model.

All 9,772 of them are asked in `make drill`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.spec.registry import load_job
from batch_ai_assets.local_provider.options import MINILM, ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

from ..engine.world import world
from . import banking77

EACH = 4


def test_the_examples_are_three_of_each_of_77_intents_and_are_not_asked(real_data: Path) -> None:
    rows = banking77.read_rows(real_data)
    examples, others = banking77.split(rows)
    assert (len(rows), len(examples), len(others)) == (10_003, 231, 9_772)
    assert {row.id for row in examples}.isdisjoint(row.id for row in others)
    assert len({row.intent for row in examples}) == 77


def test_a_sample_of_77_intents_is_told_right_with_three_examples_each(
    tmp_path: Path, real_data: Path
) -> None:
    """The bar lies below that of the whole set by what a sample of this size may be off."""
    examples, others = banking77.split(banking77.read_rows(real_data))
    asked = banking77.sample(others, EACH)
    banking77.write_job(tmp_path / "registry", examples)
    job = load_job(tmp_path / "registry" / banking77.JOB)
    with (
        LocalProvider(ServerOptions(model=MINILM)) as model,
        world(tmp_path / "home", model.base_url) as here,
    ):
        banking77.write_messages(here.home, asked)
        outcome = here.run("sample", job=job)
        counts = here.deps.store.figures(job.name, "sample").conservation
        current = here.deps.tables.current(job.name, "sample")
        assert current is not None
        rows = here.deps.tables.open(current.path).to_arrow().to_pylist()

    assert (counts.items, counts.valid) == (len(asked), len(asked))
    said = {row["item_id"]: row["intent"] for row in rows}
    pairs = [(said[row.id], row.intent) for row in asked]
    accuracy = sum(answer == label for answer, label in pairs) / len(pairs)
    assert accuracy >= 0.7, accuracy
    assert outcome.record is not None
    (shown,) = outcome.record.accuracy
    assert (shown.n, shown.share) == (len(asked), pytest.approx(accuracy))
    assert shown.macro_f1 == pytest.approx(banking77.macro_f1(pairs), abs=0.001)


def test_macro_f1_weighs_every_label_alike() -> None:
    pairs = [("a", "a")] * 8 + [("a", "b"), ("b", "b")]
    a, b = 2 * 8 / (9 + 8), 2 * 1 / (1 + 2)
    assert banking77.macro_f1(pairs) == pytest.approx((a + b) / 2)
