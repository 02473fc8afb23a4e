"""What a batch version has published, from document to result, for the checks to compare.

Names the tables and hashes their rows; what must agree is `completeness_check.py`'s and
`lineage_check.py`'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .sandbox import Sandbox, parquet_stream

if TYPE_CHECKING:
    from ..state.rows import Plan
    from ..tables import BatchTable, TableStore

QUERY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class VersionTables:
    """Tables of one version of a batch, by the names of their assets."""

    raw_inputs: BatchTable
    enriched_outputs: BatchTable
    validation_report: BatchTable
    results: BatchTable
    """The rows that would be released, or were, and only those."""

    @classmethod
    def of(cls, plan: Plan, tables: TableStore) -> VersionTables:
        """Those of `plan`, which is judged; of results and verdicts, what is in the files counts,
        not what was once written there."""
        return cls(
            raw_inputs=tables.open(plan.raw_path),
            enriched_outputs=tables.open(str(plan.enriched_path)),
            validation_report=tables.open(str(plan.report_path)).counted(),
            results=tables.open(str(plan.results_path)).counted(),
        )

    def query(
        self,
        sql: str,
        read: Mapping[str, Sequence[str] | None],
        box: Sandbox,
        parameters: Sequence[Any] = (),
    ) -> tuple[Any, ...]:
        """The one row of `sql`, which may name each table of `read` once; `read` says which of its
        columns are needed, None: all. Raises OutOfTime, or duckdb.Error as it comes."""
        for name, columns in read.items():
            table: BatchTable = getattr(self, name)
            box.show(name, parquet_stream(table.files, columns))
        row: tuple[Any, ...] = box.query(sql, QUERY_SECONDS, parameters)[0]
        return row
