"""Resources of the code location: the engine's connections, DuckDB, and the IO managers.

Opening and closing only. What the connections are is in `connections.py`, where files lie in
`io_managers.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.connections import DUCKDB_CONFIG, Connections, open_deps
from batch_ai_assets.io_managers import PartitionedParquetIOManager, ReportIOManager
from batch_ai_assets.progress_lines import progress_lines
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from dagster_duckdb import DuckDBResource
    from duckdb import DuckDBPyConnection

DUCKDB = "duckdb"
ENGINE = "engine"
TABLES = "tables"
REPORTS = "reports"


@dg.resource(description="Queries Parquet in memory: rules, checks, reports. Holds no data.")
def duckdb(_: dg.InitResourceContext) -> DuckDBResource:
    """DuckDB, in memory. Imported at its first use: a run that asks nothing does not pay for it."""
    from dagster_duckdb import DuckDBResource

    return DuckDBResource(database=":memory:", connection_config=dict(DUCKDB_CONFIG))


@dg.resource(
    required_resource_keys={DUCKDB},
    description="The engine's connections. Places and secrets come from the environment alone.",
)
def engine(context: dg.InitResourceContext) -> Iterator[Connections]:
    """The engine's connections, opened once per run at their first use.

    At their first use, so that a state store that is away fails the step, with the engine's words,
    and not the run before its first step, which would be tried again in vain.
    """
    log = progress_lines(context.log.info if context.log else lambda _: None)
    queries: DuckDBResource = getattr(context.resources, DUCKDB)
    connections = Connections(open_deps(connect=lambda: connect(queries), progress=log))
    try:
        yield connections
    finally:
        connections.close()


def platform_resources() -> Mapping[str, Any]:
    """Resources by key, placed where the settings say."""
    root = settings().data_url
    return {
        DUCKDB: duckdb,
        ENGINE: engine,
        TABLES: PartitionedParquetIOManager(root=root),
        REPORTS: ReportIOManager(root=root),
    }


def connect(resource: DuckDBResource) -> DuckDBPyConnection:
    """An open connection with the resource's settings; the engine closes it."""
    import duckdb

    return duckdb.connect(resource.database, config=resource.connection_config)
