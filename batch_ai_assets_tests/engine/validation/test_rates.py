from __future__ import annotations

from batch_ai_assets.engine.figures import BatchFigures, Conservation
from batch_ai_assets.engine.validation.rates import shares


def test_the_rates_are_numbers_under_the_names_of_their_checks() -> None:
    counts = Conservation(items=2000, valid=1950, dead=50)
    figures = BatchFigures(counts, asked=1000, first_try_failed=20, answered=1950)
    assert shares(figures) == {
        "failure_rate": 0.02, "dead_letter_rate": 0.025, "validation_pass_rate": 1.0,
    }  # fmt: skip
    assert shares(BatchFigures(Conservation(items=0))) == {
        "failure_rate": 0.0, "dead_letter_rate": 0.0, "validation_pass_rate": 1.0,
    }  # fmt: skip
