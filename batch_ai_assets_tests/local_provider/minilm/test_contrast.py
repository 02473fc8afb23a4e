"""What counts in the vectors of one choice."""

from __future__ import annotations

import numpy as np

from batch_ai_assets.local_provider.minilm.contrast import Contrast, unit
from batch_ai_assets.local_provider.minilm.weights import Floats

SHARED, OPTION, ASIDE = np.eye(3, dtype=np.float32)
"""What all texts have in common, what tells two options apart, and what does not matter."""


def texts() -> tuple[Floats, Floats]:
    """Two texts of each of two options, which differ from each other by what does not matter."""
    one = [SHARED + 0.3 * OPTION + 0.5 * ASIDE, SHARED + 0.3 * OPTION - 0.5 * ASIDE]
    two = [SHARED - 0.3 * OPTION + 0.5 * ASIDE, SHARED - 0.3 * OPTION - 0.5 * ASIDE]
    return unit(np.array(one)), unit(np.array(two))


def test_what_differs_within_an_option_counts_for_less() -> None:
    one, two = texts()
    known = np.concatenate([one, two])
    without = unit(known - known.mean(axis=0))
    seen = Contrast(known, np.array([0, 0, 1, 1]), 2)(known)
    assert told_apart(seen) > told_apart(without)
    assert np.allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-5)


def told_apart(texts: Floats) -> float:
    """How much more alike two texts of one option are than one of each."""
    return float(texts[0] @ texts[1] - texts[0] @ texts[2])


def test_without_two_texts_of_one_option_nothing_is_changed() -> None:
    one, two = texts()
    known = np.stack([one[0], two[0]])
    assert np.array_equal(Contrast(known, np.array([0, 1]), 2)(known), known)


def test_a_text_that_is_just_what_all_have_in_common_is_like_none() -> None:
    one, two = texts()
    known = np.concatenate([one, two])
    contrast = Contrast(known, np.array([0, 0, 1, 1]), 2)
    seen = contrast(known.mean(axis=0)[None, :])
    assert np.isfinite(seen).all()
    assert np.abs(contrast(known) @ seen[0]).max() <= 1
