"""The lineage check: rows that cannot be traced, or that say something else than was answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow.parquet as pq
import pytest

from batch_ai_assets.engine.errors import StorageError
from batch_ai_assets.engine.validation.check_result import CheckResult
from batch_ai_assets.engine.validation.columns import LINEAGE
from batch_ai_assets.engine.validation.completeness_check import RowsFound, rows_found
from batch_ai_assets.engine.validation.lineage_check import lineage
from batch_ai_assets.engine.validation.sandbox import sandbox
from batch_ai_assets.engine.validation.version_tables import VersionTables

from .samples import make_job, make_row, write_rows, write_tables

JOB = make_job()
Row = dict[str, Any]


def rows_with(**changes: Any) -> list[Row]:
    return [make_row(JOB, 0), make_row(JOB, 1, **changes), make_row(JOB, 2)]


def traced(tables: VersionTables) -> CheckResult:
    with sandbox(duckdb.connect) as box:
        return lineage(tables, box)


def looked_at(folder: Path, rows: list[Row], **other: Any) -> CheckResult:
    return traced(write_tables(JOB, folder, rows, **other))


def test_sound_rows_pass_the_lineage_check(tmp_path: Path) -> None:
    result = looked_at(tmp_path, rows_with(confidence=None, score=float("nan"), names=None))
    assert result.passed, result.found
    assert result.figures == {"rows": 3.0, "untraceable": 0.0}


def test_a_batch_without_rows_passes_and_opens_no_database(tmp_path: Path) -> None:
    def never() -> NoReturn:
        raise AssertionError("opened")

    tables = write_tables(JOB, tmp_path, [])
    with sandbox(never) as box:
        assert lineage(tables, box).figures == {"rows": 0.0, "untraceable": 0.0}
        assert rows_found(tables, box) == RowsFound(0, 0)


@pytest.mark.parametrize("column", [c.name for c in LINEAGE if c.name != "confidence"])
def test_an_empty_lineage_column_is_found(tmp_path: Path, column: str) -> None:
    result = looked_at(tmp_path, rows_with(**{column: None}))
    assert result.stops_release
    assert f"{column} is empty: 1 of 3 rows" in result.found


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"output_id": "licences/b1/doc-0/1"}, "output_id is not job/batch/item/version"),
        ({"output_id": "licences/b1/doc-1/2"}, "output_id is not job/batch/item/version"),
        ({"input_hash": "A" * 64}, "input_hash is not a sha256"),
        ({"input_hash": "abc"}, "input_hash is not a sha256"),
        ({"confidence": 1.01}, "confidence is outside 0 to 1"),
        ({"confidence": float("nan")}, "confidence is outside 0 to 1"),
        ({"cost_usd": -0.1}, "cost is negative"),
        ({"run_id": ""}, "run_id is empty"),
        ({"batch": "b2", "output_id": "licences/b2/doc-1/1"}, "job or batch is another's"),
    ],
)
def test_a_row_that_cannot_be_traced_is_found(
    tmp_path: Path, change: dict[str, Any], fault: str
) -> None:
    result = looked_at(tmp_path, rows_with(**change))
    assert result.stops_release
    assert fault in result.found
    assert result.found.endswith("first items: doc-1")


@pytest.mark.parametrize(
    "change",
    [
        {"family": "copyleft"}, {"score": 0.25}, {"score": None}, {"names": "[]"}, {"clauses": 4},
        {"patents": False}, {"confidence": None}, {"model": "other"}, {"cost_usd": 0.5},
        {"version": 2, "output_id": "licences/b1/doc-1/2"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_row_that_says_something_else_than_was_answered_is_found(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    result = looked_at(tmp_path, rows_with(), results=rows_with(**change))
    assert result.found == (
        "it is not what enriched_outputs says: 1 of 3 rows; first items: doc-1"
    )


def test_two_rows_that_took_each_others_names_are_found(tmp_path: Path) -> None:
    rows = [make_row(JOB, 0, family="copyleft"), make_row(JOB, 1), make_row(JOB, 2)]
    names = ("item_id", "output_id", "input_hash")
    taken = [{name: rows[other][name] for name in names} for other in (1, 0)]
    mixed = [{**rows[0], **taken[0]}, {**rows[1], **taken[1]}, rows[2]]
    result = looked_at(tmp_path, rows, results=mixed)
    assert result.found == (
        "it is not what enriched_outputs says: 2 of 3 rows; first items: doc-0, doc-1"
    )


def test_flags_are_of_the_verdict_and_rows_may_come_in_any_order(tmp_path: Path) -> None:
    rows = rows_with()
    flagged = [{**row, "flags": ["high"]} for row in reversed(rows)]
    assert looked_at(tmp_path, rows, results=flagged[1:]).passed


@pytest.mark.parametrize("change", [{"item_id": "doc-9"}, {"input_hash": "b" * 64}])
def test_a_row_of_no_document_is_found(tmp_path: Path, change: dict[str, Any]) -> None:
    documents = [make_row(JOB, 0), make_row(JOB, 1, **change), make_row(JOB, 2)]
    read = [{name: row[name] for name in ("item_id", "input_hash")} for row in documents]
    result = looked_at(tmp_path, rows_with(), raw_inputs=read)
    assert result.found == (
        "no document has its item_id and input_hash: 1 of 3 rows; first items: doc-1"
    )


def test_rows_are_traced_over_all_files(tmp_path: Path) -> None:
    tables = write_tables(JOB, tmp_path, [make_row(JOB, 0)])
    for name in ("results", "enriched_outputs"):
        write_rows(JOB, tmp_path / name, [make_row(JOB, 1)], enriched=name != "results")
    parts = ("part-00000.parquet", "part-00001.parquet")
    tables = replace(
        tables,
        results=replace(tables.results, parts=parts),
        enriched_outputs=replace(tables.enriched_outputs, parts=parts),
    )
    assert traced(tables).found == (
        "no document has its item_id and input_hash: 1 of 2 rows; first items: doc-1"
    )


def test_an_output_field_may_be_called_like_anything_in_the_query(tmp_path: Path) -> None:
    names = ("answered", "results", "count", 'a "b".c', "item_id.x")
    job = make_job({"type": "object", "properties": {name: {"type": "string"} for name in names}})
    rows = [make_row(job, number, **dict.fromkeys(names, f"{number}")) for number in range(2)]
    result = traced(write_tables(job, tmp_path, rows))
    assert result.passed, result.found


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("results", "run_id", "run_id is missing"),
        ("enriched_outputs", "score", "score is missing in enriched_outputs"),
        ("raw_inputs", "input_hash", "the rows cannot be read (BinderException)"),
    ],
)
def test_a_missing_column_is_found(
    table: str, column: str, said: str, tmp_path: Path
) -> None:
    tables = write_tables(JOB, tmp_path, rows_with())
    path = getattr(tables, table).files[0]
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    assert traced(tables).found == said


def test_a_table_that_is_gone_is_named(tmp_path: Path) -> None:
    tables = write_tables(JOB, tmp_path, rows_with())
    Path(tables.raw_inputs.files[0]).unlink()
    with pytest.raises(StorageError, match="raw_inputs"):
        traced(tables)
