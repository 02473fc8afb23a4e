"""Resources of the code location: the engine's connections, DuckDB, and the IO managers.

Opening and closing only. What the connections are is in `connections.py`, where files lie in
`io_managers.py`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from batch_ai_assets.connections import DUCKDB_CONFIG, Connections, open_deps
from batch_ai_assets.io_managers import PartitionedParquetIOManager, ReportIOManager
from batch_ai_assets.progress_lines import progress_lines
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


ENGINE = "engine"
TABLES = "tables"
REPORTS = "reports"


class EngineResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Gives asset bodies the engine's connections, opened once per run at their first use.

    At their first use, so that a state store that is away fails the step, with the engine's words,
    and not the run before its first step, which would be tried again in vain.

    It has no settings of its own: where things lie and which secrets there are is said by the
    environment, so that no run configuration ever shows a password.
    """

    duckdb: DuckDBResource

    @contextmanager
    def yield_for_execution(
        self, context: dg.InitResourceContext
    ) -> Generator[Connections, None, None]:
        log = progress_lines(context.log.info if context.log else lambda _: None)
        connections = Connections(open_deps(connect=lambda: connect(self.duckdb), progress=log))
        try:
            yield connections
        finally:
            connections.close()


def platform_resources() -> Mapping[str, Any]:
    """Resources by key, placed where the settings say."""
    root = settings().data_url
    return {
        "duckdb": in_memory_duckdb(),
        ENGINE: EngineResource(duckdb=in_memory_duckdb()),
        TABLES: PartitionedParquetIOManager(root=root),
        REPORTS: ReportIOManager(root=root),
    }


def in_memory_duckdb() -> DuckDBResource:
    """Rules, checks and reports query Parquet through this; it holds no data of its own."""
    return DuckDBResource(database=":memory:", connection_config=dict(DUCKDB_CONFIG))


def connect(resource: DuckDBResource) -> DuckDBPyConnection:
    """An open connection with the resource's settings; the engine closes it."""
    import duckdb

    return duckdb.connect(resource.database, config=resource.connection_config)
