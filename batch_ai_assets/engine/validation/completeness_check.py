"""The completeness check: has every document one end, and every valid one its one row?

Counts of the state store against the ids in the published tables. Nothing is kept of a row that is
as it should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from ..figures import Conservation, End, counted
from .check_result import CheckResult, found_fault
from .sandbox import OutOfTime, Sandbox
from .version_tables import VersionTables

_BAR = (
    "items = pending + valid + review + dead + discarded + cancelled + skipped, none pending, and "
    "one row for each document whose verdict is valid, and for no other"
)
_GO_ON = "Run the batch again: it goes on where it stopped."
_REBUILD = "Run `batch-ai fsck` on the batch; published tables can be rebuilt from the store."
_REPORT = "Run `batch-ai fsck` on the batch and report what it says; release nothing by hand."

_BOTH = f"""(
    SELECT item_id, true AS is_row FROM results
    UNION ALL
    SELECT item_id, false FROM validation_report WHERE "end" = '{End.VALID}'
)"""
_SUMS = f"""
    SELECT count(*) FILTER (WHERE NOT is_row),
        count(*) FILTER (WHERE is_row) = count(*) FILTER (WHERE NOT is_row)
        AND sum(hash(item_id)) FILTER (WHERE is_row)
            IS NOT DISTINCT FROM sum(hash(item_id)) FILTER (WHERE NOT is_row)
    FROM {_BOTH}"""
"""Equal sums of 64-bit hashes are equal ids, the same number of times each; no id is kept."""
_ONE_BY_ONE = f"""
    SELECT count(*) FILTER (WHERE n_rows > 1), min(item_id, 3) FILTER (WHERE n_rows > 1),
        count(*) FILTER (WHERE n_valid = 0), min(item_id, 3) FILTER (WHERE n_valid = 0),
        count(*) FILTER (WHERE n_rows = 0), min(item_id, 3) FILTER (WHERE n_rows = 0)
    FROM (
        SELECT item_id, count(*) FILTER (WHERE is_row) AS n_rows,
            count(*) FILTER (WHERE NOT is_row) AS n_valid
        FROM {_BOTH}
        GROUP BY item_id
    )"""
_READ = {"results": ("item_id",), "validation_report": ("item_id", "end")}


@dataclass(frozen=True, slots=True)
class Documents:
    """How many documents, and the first ids among them."""

    count: int = 0
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowsFound:
    """The rows to be released, held against the documents whose verdict is valid."""

    rows: int
    valid: int
    """Verdicts."""
    repeated: Documents = Documents()
    """Documents with more than one row."""
    strange: Documents = Documents()
    """Documents with a row and no such verdict."""
    lost: Documents = Documents()
    """Documents with such a verdict and no row."""
    unreadable: str = ""
    """Why the ids cannot be compared, where they cannot."""


def rows_found(tables: VersionTables, box: Sandbox) -> RowsFound:
    """Compare the ids of two published tables; which ones differ is asked only where some do."""
    rows = tables.results.rows
    if not rows and not tables.validation_report.rows:
        return RowsFound(0, 0)
    try:
        valid, equal = tables.query(_SUMS, _READ, box)
        if equal:
            return RowsFound(rows, valid)
        counts = tables.query(_ONE_BY_ONE, _READ, box)
    except (duckdb.Error, OutOfTime) as error:
        return RowsFound(rows, 0, unreadable=type(error).__name__)
    repeated, strange, lost = (
        Documents(count, tuple(first or ()))
        for count, first in zip(counts[::2], counts[1::2], strict=True)
    )
    return RowsFound(rows, valid, repeated, strange, lost)


def completeness(conservation: Conservation, found: RowsFound) -> CheckResult:
    """Promise 1: the equation holds, nothing is pending, and each valid document has its row."""
    faults, todo = [], ""
    if conservation.pending:
        have = "has" if conservation.pending == 1 else "have"
        faults.append(f"{counted(conservation.pending, 'document')} {have} no end yet")
        todo = _GO_ON
    if wrong := list(_wrong_rows(conservation.valid, found)):
        faults += wrong
        todo = _REBUILD
    if not conservation.holds:
        faults.append(f"the count does not add up: {conservation.line()}")
        todo = _REPORT
    return found_fault(
        "completeness",
        "; ".join(faults),
        f"{conservation.line()}; {counted(found.rows, 'row')}",
        _BAR,
        todo,
        {
            "items": float(conservation.items),
            "accounted": float(conservation.accounted),
            "pending": float(conservation.pending),
            "valid": float(conservation.valid),
            "rows": float(found.rows),
            "repeated": float(found.repeated.count),
            "strange": float(found.strange.count),
            "lost": float(found.lost.count),
        },
    )


def _wrong_rows(valid: int, found: RowsFound) -> Iterator[str]:
    if found.rows != valid:
        yield f"{counted(found.rows, 'row')} for {counted(valid, 'valid document')}"
    if found.unreadable:
        yield f"the ids of rows and verdicts cannot be read ({found.unreadable})"
        return
    if found.valid != valid:
        yield f"validation_report says valid of {found.valid:,}"
    for documents, one, several in (
        (found.repeated, "has more than one row", "have more than one row"),
        (found.strange, "has a row and no valid verdict", "have a row and no valid verdict"),
        (found.lost, "has a valid verdict and no row", "have a valid verdict and no row"),
    ):
        if documents.count:
            what = one if documents.count == 1 else several
            first = f", the first: {', '.join(documents.first)}" if documents.first else ""
            yield f"{counted(documents.count, 'document')} {what}{first}"
