"""What crash tests stand on: a stub that takes its time, and the length of a run left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.local_provider.process import LocalProvider

from ..world import stub
from .documents import Document, mixed
from .scene import FEW, LATENCY_SECONDS, Scene
from .victim import victim

StageScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def slow_stub() -> Iterator[LocalProvider]:
    """One stub for all crash tests of a worker; each scene has items of its own."""
    with stub(latency_ms=1000 * LATENCY_SECONDS) as server:
        yield server


@pytest.fixture
def stage(tmp_path: Path, slow_stub: LocalProvider) -> StageScene:
    """Set up a scene with these documents."""

    def set_up(documents: Sequence[Document], **more: Any) -> Scene:
        return Scene(tmp_path, slow_stub, documents, **more).set_up()

    return set_up


@pytest.fixture(scope="session")
def clean_seconds(tmp_path_factory: pytest.TempPathFactory, slow_stub: LocalProvider) -> float:
    """How long a run of `FEW` documents takes if nobody kills it."""
    seconds = 0.0
    for name in ("imports", "clean"):  # the first victim waits until everything is imported
        scene = Scene(tmp_path_factory.mktemp(name), slow_stub, mixed(name, FEW)).set_up()
        began = time.monotonic()
        with victim(scene.order()) as one:
            assert one.wait() == 0
            seconds = time.monotonic() - began
            assert one.said()["state"] == "completed_with_dead_letters"
        scene.check_every_item_ended_once()
        assert scene.paid_twice() == 0
    return seconds
