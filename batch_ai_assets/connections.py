"""What the engine is given to work with: store, tables, keys, endpoint, connection, progress.

Opened from the settings, for a Dagster run (through `resources.py`) and for the command line
alike. Knows nothing of Dagster. Everything heavy is imported when it is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from batch_ai_assets.object_storage import offer_s3, reachable
from batch_ai_assets.settings import Settings, resolve_secret, settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from batch_ai_assets.engine.control.progress import Progress
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.endpoint import Endpoint
    from batch_ai_assets.engine.spec.resolved import ResolvedJob

DUCKDB_CONFIG = {
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""DuckDB never sees Python variables, and never downloads code."""


def in_memory() -> DuckDBPyConnection:
    """A DuckDB connection of its own, gone when it is closed."""
    import duckdb

    return duckdb.connect(":memory:", config=dict(DUCKDB_CONFIG))


def no_progress(_: Progress) -> None:
    """For callers that show none."""


@contextmanager
def open_deps(
    connect: Callable[[], DuckDBPyConnection] = in_memory,
    progress: Callable[[Progress], None] = no_progress,
    place: Settings | None = None,
) -> Iterator[Deps]:
    """Everything a stage of the engine needs; the store is closed at the end.

    Raises StateError, SealError, SpecError.
    """
    from batch_ai_assets.engine import failpoints
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.sealing import Sealer, load_keys
    from batch_ai_assets.engine.state.store import StateStore
    from batch_ai_assets.engine.tables import TableStore

    here = place or settings()
    here.prepare_home()
    logging.getLogger("batch_ai").setLevel(here.log_level)
    if here.failpoint:
        failpoints.kill_at(here.failpoint)
    offer_s3()
    store = StateStore.open(here.state_url)
    try:
        yield Deps(
            store=store,
            tables=TableStore(reachable(here.data_url)),
            sealer=Sealer(load_keys(here.keys_folder)),
            home=here.home,
            open_endpoint=open_endpoint,
            connect=connect,
            progress=progress,
            open_secret=lambda reference: resolve_secret(reference).get_secret_value(),
        )
    finally:
        store.close()


class Connections:
    """Deps that are opened when somebody first asks for them, and closed once."""

    def __init__(self, opened: AbstractContextManager[Deps]) -> None:
        self._opened = opened
        self._stack = ExitStack()
        self._deps: Deps | None = None

    @property
    def opened(self) -> bool:
        """Whether somebody has asked for them."""
        return self._deps is not None

    @property
    def deps(self) -> Deps:
        """Raises StateError, SealError or SpecError where they cannot be opened."""
        if self._deps is None:
            self._deps = self._stack.enter_context(self._opened)
        return self._deps

    def close(self) -> None:
        self._stack.close()


@contextmanager
def open_endpoint(job: ResolvedJob) -> Iterator[Endpoint]:
    """The provider of a job, ready to be called; the bundled one is started and stopped here.

    Raises ProviderError.
    """
    from batch_ai_assets.engine.endpoint import Endpoint

    provider = job.provider
    key = resolve_secret(provider.secret).get_secret_value() if provider.secret else None
    if provider.base_url is not None:
        yield Endpoint(provider.base_url, key, settings().transport)
        return
    from batch_ai_assets.local_provider.options import ServerOptions
    from batch_ai_assets.local_provider.process import LocalProvider

    options = ServerOptions(model=job.spec.model.name, minilm=settings().minilm)
    with LocalProvider(options) as server:
        yield Endpoint(server.base_url, key, settings().transport)
