"""The lineage check: can every row be traced, from the document through the answer to here?

Two queries over the Parquet files of a batch version. Rows are compared by hash: eight bytes each,
and no row comes into memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import duckdb

from ..figures import counted
from .check_result import CheckResult, found_fault
from .columns import FLAGS, LINEAGE, MAY_BE_EMPTY
from .sandbox import OutOfTime, Sandbox, parquet_stream, quoted
from .version_tables import VersionTables

if TYPE_CHECKING:
    from ..tables import BatchTable

_BAR = (
    "every row is of a document in raw_inputs, by id and content, says in every column what "
    "enriched_outputs says, and has its lineage columns filled and well-formed"
)
_TODO = (
    "Use none of these rows: a table was edited, or the platform has a defect. Run `batch-ai fsck` "
    "on the batch and report what it says; --reprocess makes the tables anew from the store."
)

_FAULTS: dict[str, str] = {
    **{
        f"{column.name} is empty": f"{column.name} IS NULL"
        + (f" OR {column.name} = ''" if column.type == "string" else "")
        for column in LINEAGE
        if column.name not in MAY_BE_EMPTY
    },
    "output_id is not job/batch/item/version": "output_id IS DISTINCT FROM "
    "concat(job, '/', batch, '/', item_id, '/', version)",
    "input_hash is not a sha256": "NOT coalesce(regexp_full_match(input_hash, '[0-9a-f]{64}'), "
    "false)",
    "confidence is outside 0 to 1": "confidence IS NOT NULL AND (isnan(confidence) OR "
    "confidence NOT BETWEEN 0 AND 1)",
    "version, attempts, tokens or cost is negative": "version < 1 OR attempts < 0 OR "
    "tokens_in < 0 OR tokens_out < 0 OR cost_usd < 0 OR isnan(cost_usd)",
}


_OF_NO_DOCUMENT = """
    SELECT count(*), min(item_id, 3)
    FROM results
    WHERE hash(item_id, input_hash) NOT IN (
        SELECT hash(raw_inputs.item_id, raw_inputs.input_hash) FROM raw_inputs
    )"""
_ID = ("item_id", "input_hash")


def lineage(tables: VersionTables, box: Sandbox) -> CheckResult:
    """Every row of `tables.results`: its lineage columns, its answer, its document."""
    if missing := dict.fromkeys(_missing(tables), 1):
        return _result(0, missing)
    if not tables.results.rows:
        return _result(0, {})
    try:
        total, faults, first = _rows_alone_and_answered(tables, box)
        lost, ids = tables.query(_OF_NO_DOCUMENT, {"results": _ID, "raw_inputs": _ID}, box)
    except (duckdb.Error, OutOfTime) as error:
        return _result(0, {f"the rows cannot be read ({type(error).__name__})": 1})
    faults["no document has its item_id and input_hash"] = lost
    return _result(total, faults, sorted({*first, *(ids or ())})[:3])


def _missing(tables: VersionTables) -> Iterator[str]:
    """Columns without which nothing can be compared."""
    there = _columns(tables.results)
    yield from (f"{one.name} is missing" for one in LINEAGE if one.name not in there)
    unproven = there - _columns(tables.enriched_outputs) - {FLAGS.name}
    yield from (f"{name} is missing in enriched_outputs" for name in sorted(unproven))


def _columns(table: BatchTable) -> set[str]:
    """Those that every part has."""
    return set.intersection(*(set(parquet_stream([path]).schema.names) for path in table.files))


def _rows_alone_and_answered(
    tables: VersionTables, box: Sandbox
) -> tuple[int, dict[str, int], list[str]]:
    """How many rows there are, how many show each fault, and the first ids of those."""
    results = tables.results
    columns = sorted(_columns(results) - {FLAGS.name})  # flags are added by the verdict
    row = _hash(columns, "results")
    answer = _hash(columns, "enriched_outputs")
    faults = {
        **_FAULTS,
        "job or batch is another's": "job <> $1 OR batch <> $2",
        "it is not what enriched_outputs says": "NOT __answered",
    }
    counts = ", ".join(f"count(*) FILTER (WHERE {fault})" for fault in faults.values())
    faulty = " OR ".join(f"coalesce(({fault}), false)" for fault in faults.values())
    sql = f"""
        SELECT count(*), min(item_id, 3) FILTER (WHERE {faulty}), {counts}
        FROM (
            SELECT *, {row} IN (SELECT {answer} FROM enriched_outputs) AS __answered
            FROM results
        )"""
    read = {"results": None, "enriched_outputs": columns}
    total, first, *found = tables.query(sql, read, box, [results.job, results.batch])
    return total, dict(zip(faults, found, strict=True)), first or []


def _hash(columns: Sequence[str], table: str) -> str:
    return f"hash({', '.join(f'{table}.{quoted(name)}' for name in columns)})"


def _result(rows: int, faults: dict[str, int], first: Sequence[str] = ()) -> CheckResult:
    hit = {fault: count for fault, count in faults.items() if count}
    said = "; ".join(
        f"{fault}: {count:,} of {counted(rows, 'row')}" if rows else fault
        for fault, count in hit.items()
    )
    if said and first:
        said += f"; first items: {', '.join(first)}"
    return found_fault(
        "lineage",
        said,
        f"{counted(rows, 'row')}, all traced to an answer and a document",
        _BAR,
        _TODO,
        {"rows": float(rows), "untraceable": float(max(hit.values(), default=0))},
    )
