"""One stub provider for all batches of a test worker, and a world on it for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="session")
def slow_stub() -> Iterator[LocalProvider]:
    """Answers after 20 ms, so that a batch has a middle."""
    with stub(latency_ms=20) as server:
        yield server


@pytest.fixture
def own(slow_stub: LocalProvider) -> LocalProvider:
    """The slow stub, there and counting from zero: it may be taken away."""
    slow_stub.outage(False)
    slow_stub.reset_stats()
    return slow_stub


@pytest.fixture
def topics(server: LocalProvider, tmp_path: Path) -> Iterator[World]:
    """The topics job on the shared stub."""
    with world(tmp_path, server.base_url) as here:
        yield here


UNSURE: dict[str, Any] = {
    "output": {"confidence": {"from": "logprob", "field": "topic"}, "review_below": 1.0},
    "rules": [
        {"name": "other_is_calm", "sql": "topic <> 'other' OR NOT urgent -- or it is a card's"},
    ],
}
DESK = {
    "first": "a message about money", "second": "another one", "third": "one more",
    "twin": "word for word the same", "other-twin": "word for word the same",
    "lost": "[[stub:500,500,500,ok]] a lost one", "spam": "[[stub:400]] an advertisement",
}  # fmt: skip


@pytest.fixture(scope="session")
def finished_desk(
    shared_stub: LocalProvider, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A home with one finished batch `b1`: five answers in review, two dead letters."""
    home = tmp_path_factory.mktemp("desk") / "home"
    with world(home, shared_stub.base_url, UNSURE) as here:
        here.write_messages({"id": name, "text": text} for name, text in DESK.items())
        here.run()
        counts = here.counts()
        assert (counts.review, counts.dead) == (5, 2)
    return home


@pytest.fixture
def desk(finished_desk: Path, server: LocalProvider, tmp_path: Path) -> Iterator[World]:
    """A copy of it, to decide on."""
    home = shutil.copytree(finished_desk, tmp_path / "home")
    with world(home, server.base_url, UNSURE) as here:
        here.runs = 1
        yield here
