"""The completeness check: counts of the store, and the ids of rows against those of verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.figures import Conservation
from batch_ai_assets.engine.validation.check_result import CheckResult
from batch_ai_assets.engine.validation.completeness_check import (
    RowsFound,
    completeness,
    rows_found,
)
from batch_ai_assets.engine.validation.sandbox import sandbox
from batch_ai_assets.engine.validation.version_tables import VersionTables

from .samples import make_job, make_row, write_tables

JOB = make_job()
ROWS = [make_row(JOB, number) for number in range(4)]
ALL_VALID = Conservation(items=4, valid=4)


def looked_at(conservation: Conservation, tables: VersionTables) -> CheckResult:
    with sandbox(duckdb.connect) as box:
        return completeness(conservation, rows_found(tables, box))


@given(st.lists(st.integers(0, 1000), min_size=7, max_size=7), st.integers(-1, 1))
def test_completeness_passes_exactly_when_everything_adds_up(counts: list[int], off: int) -> None:
    names = ("pending", "valid", "review", "dead", "discarded", "cancelled", "skipped")
    ends = dict(zip(names, counts, strict=True))
    conservation = Conservation(items=sum(counts) + off, **ends)
    result = completeness(conservation, RowsFound(conservation.valid, conservation.valid))
    assert result.passed == (off == 0 and conservation.pending == 0)
    assert result.blocking
    assert result.passed == (result.todo == "")


def test_completeness_says_how_many_rows_are_missing() -> None:
    result = completeness(Conservation(items=3, valid=3), RowsFound(2, 3))
    assert not result.passed
    assert result.found == "2 rows for 3 valid documents"


def test_pending_documents_are_answered_by_running_again() -> None:
    result = completeness(Conservation(items=3, valid=2, pending=1), RowsFound(2, 2))
    assert "Run the batch again" in result.todo


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [*ROWS[:3], ROWS[0]],
            "1 document has more than one row, the first: doc-0; "
            "1 document has a valid verdict and no row, the first: doc-3",
        ),
        (
            [*ROWS[:3], make_row(JOB, 9)],
            "1 document has a row and no valid verdict, the first: doc-9; "
            "1 document has a valid verdict and no row, the first: doc-3",
        ),
        (
            [*ROWS[1:], {**ROWS[0], "item_id": None}],
            "1 document has a row and no valid verdict; "
            "1 document has a valid verdict and no row, the first: doc-0",
        ),
        ([], "0 rows for 4 valid documents; "
             "4 documents have a valid verdict and no row, the first: doc-0, doc-1, doc-2"),
    ],
)  # fmt: skip
def test_each_valid_document_has_its_row_whatever_their_number(
    rows: list[dict[str, Any]], said: str, tmp_path: Path
) -> None:
    tables = write_tables(JOB, tmp_path, ROWS, results=rows)
    result = looked_at(ALL_VALID, tables)
    assert result.stops_release
    assert result.found == said


def test_a_verdict_that_is_not_the_stores_is_found(tmp_path: Path) -> None:
    ends = [{"item_id": f"doc-{number}", "end": "valid"} for number in range(5)]
    tables = write_tables(JOB, tmp_path, ROWS, validation_report=ends)
    result = looked_at(ALL_VALID, tables)
    assert "validation_report says valid of 5" in result.found


def test_a_version_without_rows_is_complete_where_nothing_is_valid(tmp_path: Path) -> None:
    tables = write_tables(JOB, tmp_path, [])
    assert looked_at(Conservation(items=0), tables).passed


def test_rows_without_ids_are_a_finding_and_no_defect_of_the_check(tmp_path: Path) -> None:
    tables = write_tables(JOB, tmp_path, ROWS)
    file = tables.results.files[0]
    pq.write_table(pq.read_table(file).drop_columns(["item_id"]), file)
    result = looked_at(ALL_VALID, tables)
    assert "the ids of rows and verdicts cannot be read" in result.found
