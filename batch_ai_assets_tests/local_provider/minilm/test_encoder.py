"""The encoder computes what all-MiniLM-L6-v2 computes."""

from __future__ import annotations

import numpy as np
import pytest

from batch_ai_assets.local_provider.minilm.encoder import WIDTH, Encoder
from batch_ai_assets.local_provider.minilm.weights import Floats, Weights


def encode(weights: Weights, *texts: str) -> Floats:
    return Encoder(weights).encode([weights.tokenizer.encode(text).ids for text in texts])


def test_similarities_are_those_the_model_is_known_for(weights: Weights) -> None:
    person, dog, very, day = encode(
        weights,
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
    )
    assert person @ very == pytest.approx(0.943, abs=0.002)
    assert person @ dog == pytest.approx(0.695, abs=0.002)
    assert person @ day == pytest.approx(0.257, abs=0.002)


def test_a_vector_does_not_depend_on_what_is_encoded_along_with_it(weights: Weights) -> None:
    texts = ["short", "a few words more than that", "word " * 250, "another " * 100]
    together = encode(weights, *texts * 3)
    for number, text in enumerate(texts):
        alone = encode(weights, text)[0]
        for again in range(3):
            assert np.abs(together[number + again * len(texts)] - alone).max() < 1e-5


def test_vectors_have_length_one_and_nothing_encodes_to_nothing(weights: Weights) -> None:
    vectors = encode(weights, "", "x", "word " * 254)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert Encoder(weights).encode([]).shape == (0, WIDTH)
