"""Rows of `input.asset`: another job's released results, or what another Dagster asset holds.

Turns them into records; what a record becomes is in `records.py`. Nothing is loaded whole that
comes in parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import IntakeError
from ..spec.input import InputSpec
from ..spec.resolved import ResolvedJob
from ..tables import BatchTable, Current, TableStore
from .admission import Item
from .chain_columns import fields_first, for_results
from .records import needed_columns, record_item, require_columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Record = Mapping[str, object]

_ROWS = 1024
_LINEAGE = "output_id"


def released_items(job: ResolvedJob, batch: str, tables: TableStore) -> Iterator[Item]:
    """One item per row that `job.upstream` has released of this batch.

    The source of an item is the `output_id` of its row, so that lineage goes on from job to job.
    Raises IntakeError where nothing is released, or a column is missing.
    """
    upstream = str(job.upstream)
    current = released(upstream, batch, tables)
    if current is None:
        raise IntakeError(
            f"Nothing of {upstream}/{batch} is released, and its results are the documents of"
            f" {job.name}. Run it first (batch-ai run {upstream} --batch {batch}); where it was"
            " halted, its completion report says why."
        )
    table = tables.open(current.path)
    there = fields_first(table.schema.names)
    spec = for_results(job.spec.input, there)
    where = f"the table of results of {upstream}/{batch}"
    require_columns(spec, there, where)
    columns = list({**needed_columns(spec), _LINEAGE: ""})
    return _result_items(spec, table, columns, where)


def released(upstream: str, batch: str, tables: TableStore) -> Current | None:
    """The released version of a batch of the job that is read, if there is one."""
    return tables.current(upstream, batch)


def version_read(raw: BatchTable) -> int:
    """The version of the upstream's batch whose rows a manifest holds; 0 where it holds none."""
    for rows in raw.scan(["source"], batch_rows=1):
        return int(rows["source"][0].as_py().rpartition("/")[2])
    return 0


def _result_items(
    spec: InputSpec, table: BatchTable, columns: list[str], where: str
) -> Iterator[Item]:
    number = 0
    for rows in table.scan(columns, batch_rows=_ROWS):
        for record in rows.to_pylist():
            number += 1
            source = str(record[_LINEAGE])
            yield record_item(spec, record, source, "", None, f"row {number} of {where}")


def asset_items(spec: InputSpec, value: object) -> Iterator[Item]:
    """One item per row of what a Dagster asset gave: a table, a data frame or a list of mappings.

    Raises IntakeError where it is none of these, or a column is missing.
    """
    import pyarrow as pa

    where = f"asset {spec.asset}"
    try:
        for number, record in enumerate(_records(spec, value, where), 1):
            place = f"row {number} of {where}"
            if not isinstance(record, Mapping):
                raise IntakeError(
                    f"{place} is {_article(record)}, not a mapping from column to value. Return a"
                    " table, a data frame or a list of mappings."
                )
            yield record_item(spec, record, str(spec.asset), f"#row={number}", None, place)
    except pa.ArrowException as error:
        raise IntakeError(
            f"{where} gave {_article(value)} that cannot be read as a table"
            f" ({type(error).__name__}). Correct it, or return a list of mappings."
        ) from None  # Arrow quotes cells


def _records(spec: InputSpec, value: Any, where: str) -> Iterable[object]:
    """The rows of a value one by one. IntakeError where they lack a column that all should have."""
    import pyarrow as pa

    wanted = list(needed_columns(spec))
    if isinstance(value, BatchTable):
        require_columns(spec, value.schema.names, where)
        return _listed(value.scan(wanted, batch_rows=_ROWS), wanted)
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "iloc"):
        require_columns(spec, [str(name) for name in value.columns], where)
        return _framed(value[wanted])
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if hasattr(value, "__arrow_c_stream__"):  # Arrow's own tables and readers, polars, DuckDB
        reader = pa.RecordBatchReader.from_stream(value)
        require_columns(spec, reader.schema.names, where)
        return _listed(reader, wanted)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return value
    raise IntakeError(
        f"{where} gave {_article(value)}, which has no rows to read. Let it return a table, a data"
        " frame or a list of mappings, one for each document."
    )


def _listed(batches: Iterable[pa.RecordBatch], wanted: list[str]) -> Iterator[Record]:
    for rows in batches:
        for start in range(0, rows.num_rows, _ROWS):
            yield from rows.select(wanted).slice(start, _ROWS).to_pylist()


def _framed(frame: pd.DataFrame) -> Iterator[Record]:
    """Rows of a pandas frame. Not through Arrow: there one odd cell would refuse its column."""
    for start in range(0, len(frame), _ROWS):
        part = frame.iloc[start : start + _ROWS].astype(object)
        part = part.where(part.notna(), None)
        yield from part.to_dict("records")  # type: ignore[misc]  # columns have names of text


def _article(value: object) -> str:
    if value is None:
        return "nothing (None; outside of a run of Dagster it is not known)"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
