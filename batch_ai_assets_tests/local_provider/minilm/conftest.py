"""The real model, opened once."""

from __future__ import annotations

import pytest

from batch_ai_assets.local_provider.minilm import MiniLMClassifier
from batch_ai_assets.local_provider.minilm.weights import Weights, open_weights


@pytest.fixture(scope="session")
def model() -> MiniLMClassifier:
    return MiniLMClassifier()


@pytest.fixture(scope="session")
def weights() -> Weights:
    return open_weights()
