"""The lineage check: can every row be traced, and told from every other?

Counts in one query over the Parquet files of a batch; no row comes into memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from ..figures import counted
from .check_result import CheckResult, found_fault
from .columns import LINEAGE, MAY_BE_EMPTY
from .sandbox import Connect, OutOfTime, parquet_stream, sandbox

QUERY_SECONDS = 300.0
_BAR = "no empty lineage column, output ids unique and made of job/batch/item/version"
_TODO = (
    "Nothing was released. This is a defect of the platform, not of the data: run "
    "`batch-ai fsck` on the batch and report what it says."
)

_DISTINCT = "count(DISTINCT hash(output_id))"
"""Hashes, because they take a fifth of the memory of the ids."""
_REPEATED = "SELECT count(*) - count(DISTINCT output_id) FROM result"

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


def lineage(job_name: str, batch: str, paths: Sequence[str], connect: Connect) -> CheckResult:
    """Lineage columns of the rows in these Parquet files: there, filled, well-formed, unique."""
    if not paths:
        return _result(0, {})
    if missing := _missing(paths):
        return _result(0, {f"{name} is missing": 1 for name in missing})
    counted = {**_FAULTS, "job or batch is another's": "job <> $1 OR batch <> $2"}
    sums = ", ".join(f"count(*) FILTER (WHERE {fault})" for fault in counted.values())
    sql = f"SELECT count(*), count(*) - {_DISTINCT}, {sums} FROM result"
    try:
        total, repeated, *found = _query(sql, [job_name, batch], paths, connect)
        if repeated:  # or two hashes met, which only the ids themselves can tell
            (repeated,) = _query(_REPEATED, [], paths, connect)
    except (duckdb.Error, OutOfTime) as error:
        return _result(0, {f"the rows cannot be read ({type(error).__name__})": 1})
    faults = dict(zip(counted, found, strict=True))
    return _result(total, {"output_id is not unique": repeated, **faults})


def _missing(paths: Sequence[str]) -> list[str]:
    there = set.intersection(*(set(parquet_stream([path]).schema.names) for path in paths))
    return [column.name for column in LINEAGE if column.name not in there]


def _query(
    sql: str, parameters: list[str], paths: Sequence[str], connect: Connect
) -> tuple[int, ...]:
    with sandbox(connect, sources={"result": parquet_stream(paths)}) as box:
        row: tuple[int, ...] = box.query(sql, QUERY_SECONDS, parameters)[0]
        return row


def _result(rows: int, faults: dict[str, int]) -> CheckResult:
    hit = {fault: count for fault, count in faults.items() if count}
    said = [
        f"{fault}: {count:,} of {counted(rows, 'row')}" if rows else fault
        for fault, count in hit.items()
    ]
    return found_fault(
        "lineage",
        "; ".join(said),
        f"{counted(rows, 'row')}, all traceable and distinct",
        _BAR,
        _TODO,
        {"rows": float(rows), "untraceable": float(max(hit.values(), default=0))},
    )
