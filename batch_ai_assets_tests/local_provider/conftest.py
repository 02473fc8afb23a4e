"""Servers that these tests share or start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider

Start = Callable[..., LocalProvider]


@pytest.fixture(scope="session")
def shared_stub() -> Iterator[LocalProvider]:
    """One stub for all tests that leave it as they found it."""
    with LocalProvider(ServerOptions(model="stub")) as provider:
        yield provider


@pytest.fixture
def stub(shared_stub: LocalProvider) -> LocalProvider:
    """The shared stub, counting from zero."""
    shared_stub.reset_stats()
    return shared_stub


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a server of this test's own; it is stopped at the end."""
    with ExitStack() as stack:

        def started(**options: Any) -> LocalProvider:
            provider = LocalProvider(ServerOptions(**{"model": "stub", **options}))
            return stack.enter_context(provider)

        yield started
