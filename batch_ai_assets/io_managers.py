"""Where assets lie: Parquet tables and reports, one folder per run, pointers moved afterwards.

Thin shells over `engine/tables.py` and `published_reports.py`. Downstream gets a `BatchTable`
(where the rows are), never a frame in memory. Materializing twice leaves both versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.engine.errors import StorageError
from batch_ai_assets.object_storage import reachable

if TYPE_CHECKING:
    import pyarrow as pa

    from batch_ai_assets.engine.reporting.completion import CompletionRecord
    from batch_ai_assets.engine.tables import BatchTable, TableStore

UNPARTITIONED = "all"
"""The batch key of an asset that has no partitions."""


class PartitionedParquetIOManager(dg.ConfigurableIOManager):
    """Tables as `<root>/<job>/<asset>/<batch>/<run_id>/part-*.parquet`, local or `s3://`."""

    root: str
    """Folder or URL below which all tables lie."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Adopt a table the engine wrote, or write a frame; then move `_latest.json`."""
        from batch_ai_assets.engine.tables import BatchTable

        tables = self._tables()
        job, asset = _place(context.asset_key)
        if isinstance(obj, BatchTable):
            table = obj
        else:
            rows = _arrow(obj, context.asset_key)
            table = tables.write(
                job, asset, _batch(context), context.run_id, rows.schema, rows.to_batches()
            )
        tables.point_latest(table)
        context.add_output_metadata(_location(table, context))

    def load_input(self, context: dg.InputContext) -> BatchTable | dict[str, BatchTable]:
        """The batch that downstream works on; a mapping by key where it takes several."""
        job, asset = _place(context.asset_key)
        if not context.has_asset_partitions:
            return self._latest(job, asset, UNPARTITIONED)
        found = {key: self._latest(job, asset, key) for key in context.asset_partition_keys}
        return next(iter(found.values())) if len(found) == 1 else found

    def _tables(self) -> TableStore:
        from batch_ai_assets.engine.tables import TableStore

        return TableStore(reachable(self.root))

    def _latest(self, job: str, asset: str, batch: str) -> BatchTable:
        table = self._tables().latest(job, asset, batch)
        if table is None:
            raise StorageError(
                f"{asset} of {job}/{batch} has never been written below {self.root}."
                f" Materialize {job}/{asset} for this batch first, or run the whole job."
            )
        return table


class ReportIOManager(dg.ConfigurableIOManager):
    """Completion reports as JSON, Markdown and HTML beside the tables."""

    root: str
    """Folder or URL below which all tables and reports lie."""

    def handle_output(self, context: dg.OutputContext, obj: CompletionRecord) -> None:
        """Write the three forms into a folder of this run and move `_latest.json`."""
        from batch_ai_assets.published_reports import publish_report

        report = publish_report(self.root, obj, context.run_id)
        context.add_output_metadata(report.metadata())

    def load_input(self, context: dg.InputContext) -> CompletionRecord:
        """The newest record of the batch."""
        from batch_ai_assets.published_reports import latest_report

        job, _ = _place(context.asset_key)
        report = latest_report(self.root, job, context.asset_partition_key)
        if report is None:
            raise StorageError(
                f"{job}/{context.asset_partition_key} has no completion report yet; run the batch."
            )
        return report.record()


def _place(key: dg.AssetKey) -> tuple[str, str]:
    """The folder of the job (or of whatever prefix a user's own asset has) and of the asset."""
    *prefix, asset = key.path
    return "/".join(prefix) or "shared", asset


def _batch(context: dg.OutputContext) -> str:
    return context.asset_partition_key if context.has_asset_partitions else UNPARTITIONED


def _arrow(rows: Any, key: dg.AssetKey) -> pa.Table:
    """Arrow rows of an Arrow, pandas or polars-like frame."""
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        return rows
    if hasattr(rows, "to_arrow"):
        return rows.to_arrow()
    if hasattr(rows, "__dataframe__") or hasattr(rows, "iloc"):
        return pa.Table.from_pandas(rows, preserve_index=False)
    raise StorageError(
        f"{key.to_user_string()} returned {type(rows).__name__}, which is not a table:"
        " return a BatchTable, a pyarrow.Table or a data frame"
    )


def _location(table: BatchTable, context: dg.OutputContext) -> dict[str, Any]:
    """Where the rows are; their number and columns, where the asset has not said so itself.

    Whence columns come is said once more: Dagster reads it from what was materialized.
    """
    said = {**context.definition_metadata, **context.output_metadata}
    found: dict[str, Any] = {"location": dg.MetadataValue.path(table.path)}
    if "dagster/row_count" not in said:
        found["dagster/row_count"] = table.rows
    if "dagster/column_schema" not in said:
        found["dagster/column_schema"] = _columns(table.schema)
    if "dagster/column_lineage" in context.definition_metadata:
        found["dagster/column_lineage"] = context.definition_metadata["dagster/column_lineage"]
    return found


def _columns(schema: pa.Schema) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=str(field.type),
                description=(field.metadata or {}).get(b"description", b"").decode() or None,
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema
        ]
    )
