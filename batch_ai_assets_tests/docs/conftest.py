"""A finished batch of the job that the pages speak of, where they say that it lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..engine.world import World, message, stub, world

JOB = "mail_topics"
DOCUMENTS = 6


@pytest.fixture(scope="package")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`monday`, finished in `.batch-ai` of its folder: six results and a dead letter."""
    home = tmp_path_factory.mktemp("pages") / ".batch-ai"
    with stub() as server, world(home, server.base_url, {"job": JOB}) as here:
        rows = [message(n) for n in range(DOCUMENTS)]
        here.write_messages([*rows, message(99, "[[stub:refusal]]")])
        here.run("monday")
        assert here.counts("monday").valid == DOCUMENTS
        yield here


@pytest.fixture
def beside_home(finished: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that holds `.batch-ai`, as the working folder."""
    folder = finished.home.parent
    monkeypatch.chdir(folder)
    return folder
