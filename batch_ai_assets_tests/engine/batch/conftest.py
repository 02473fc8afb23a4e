"""One stub provider for all batches of a test worker, and a world on it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, stub, world


@pytest.fixture(scope="session")
def shared_stub() -> Iterator[LocalProvider]:
    with stub() as server:
        yield server


@pytest.fixture
def server(shared_stub: LocalProvider) -> LocalProvider:
    """The shared stub, counting from zero. Item names must be fresh: it remembers scripts."""
    shared_stub.reset_stats()
    return shared_stub


@pytest.fixture
def topics(server: LocalProvider, tmp_path: Path) -> Iterator[World]:
    """The topics job on the shared stub."""
    with world(tmp_path, server.base_url) as here:
        yield here
