"""The checks of a batch together: schema, rules and rates, and which of them hold a release back.

Completeness and lineage have files of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.figures import BatchFigures, Conservation
from batch_ai_assets.engine.spec.job import ThresholdsSpec
from batch_ai_assets.engine.validation.check_result import ALWAYS_BLOCKING, MEANINGS, may_block
from batch_ai_assets.engine.validation.checks import (
    blocking_failures,
    dead_letter_rate,
    failure_rate,
    rules,
    run_checks,
    schema,
    validation_pass_rate,
)
from batch_ai_assets.engine.validation.sandbox import parquet_stream
from batch_ai_assets.engine.validation.schema_check import check_references

from .samples import make_job, make_row, write_rows, write_tables

JOB = make_job()


def rows_with(**changes: Any) -> list[dict[str, Any]]:
    return [make_row(JOB, 0), make_row(JOB, 1, **changes), make_row(JOB, 2)]


# schema


def test_sound_rows_pass_the_schema_check(tmp_path: Path) -> None:
    result = schema(JOB, write_rows(JOB, tmp_path, rows_with()))
    assert result.passed
    assert result.figures == {"rows": 3.0, "failing_rows": 0.0}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"family": "proprietary"}, "family is not an approved value (1)"),
        ({"family": None}, "family is empty (1)"),
        ({"level": "lots"}, "level is not an approved value (1)"),
        ({"score": 1.5}, "score breaks its maximum (1)"),
        ({"score": -0.5}, "score breaks its minimum (1)"),
        ({"clauses": -1}, "clauses breaks its minimum (1)"),
        ({"names": "[1]"}, "names breaks its schema (1)"),
        ({"names": "not json"}, "names breaks its schema (1)"),
    ],
)
def test_a_row_outside_the_output_schema_is_found_and_named(
    tmp_path: Path, change: dict[str, Any], fault: str
) -> None:
    result = schema(JOB, write_rows(JOB, tmp_path, rows_with(**change)))
    assert not result.passed
    assert result.stops_release
    assert fault in result.found
    assert "first items: doc-1" in result.found
    assert result.figures == {"rows": 3.0, "failing_rows": 1.0}


def test_fields_that_are_not_required_may_be_empty(tmp_path: Path) -> None:
    optional = {"score": None, "clauses": None, "patents": None, "names": None}
    assert schema(JOB, write_rows(JOB, tmp_path, rows_with(**optional))).passed


def test_keywords_that_pandera_does_not_know_are_judged_cell_by_cell(tmp_path: Path) -> None:
    described = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]+$"},
            "even": {"type": "integer", "multipleOf": 2},
            "part": {"$ref": "#/$defs/part"},
            "word": {"type": "string", "minLength": 2, "maxLength": 3},
            "open": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "one": {"type": "string", "const": "x"},
        },
        "$defs": {"part": {"type": "object", "required": ["a"]}},
    }
    job = make_job(described)
    good = {"code": "AB", "even": 4, "part": '{"a": 1}', "word": "éé", "open": 0.5, "one": "x"}
    for_it = [make_row(job, 0, **good)]
    assert schema(job, write_rows(job, tmp_path, for_it)).passed
    bad = {"code": "ab", "even": 3, "part": "{}", "word": "e", "open": 1.0, "one": "y"}
    for name, value in bad.items():
        folder = tmp_path / name
        folder.mkdir()
        found = schema(job, write_rows(job, folder, [make_row(job, 0, **good, **{})
                                                     | {name: value}]))
        assert found.figures["failing_rows"] == 1, name
        assert found.found.startswith(f"1 of 1 row fails: {name} "), found.found


def test_keywords_that_do_not_fit_the_type_are_ignored_as_json_schema_says(
    tmp_path: Path,
) -> None:
    described = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "minimum": 3},
            "b": {"type": "integer", "minLength": 3, "maximum": 10**30},
            "c": {"type": "boolean", "maximum": 0},
            "d": {"type": "number", "maxLength": 1},
        },
    }
    job = make_job(described)
    row = make_row(job, 0, a="x", b=1, c=True, d=12.5)
    assert schema(job, write_rows(job, tmp_path, [row])).passed


def test_a_property_may_refer_to_another_one(tmp_path: Path) -> None:
    described = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]+$"},
            "other": {"$ref": "#/properties/code"},
        },
    }
    job = make_job(described)
    check_references(job)
    for text, passes in (('"AB"', True), ('"ab"', False)):
        folder = tmp_path / str(passes)
        folder.mkdir()
        row = make_row(job, 0, code="AB", other=text)
        assert schema(job, write_rows(job, folder, [row])).passed == passes


def test_a_reference_to_another_place_is_refused_when_the_job_is_loaded() -> None:
    described = {
        "type": "object",
        "properties": {"code": {"$ref": "#/allOf/0"}},
        "allOf": [{"minProperties": 1}],
    }
    with pytest.raises(SpecError, match=r"output\.schema: .*#/\$defs or #/properties"):
        check_references(make_job(described))


def test_failures_are_counted_over_row_groups_and_files_and_only_some_are_named(
    tmp_path: Path,
) -> None:
    rows = [make_row(JOB, n, level="lots" if n % 2 else "none") for n in range(40)]
    paths = write_rows(JOB, tmp_path, rows[:25], row_group_size=7)
    paths += write_rows(JOB, tmp_path, rows[25:], row_group_size=7)
    result = schema(JOB, paths)
    assert result.figures == {"rows": 40.0, "failing_rows": 20.0}
    assert result.found.endswith("first items: doc-1, doc-3, doc-5, doc-7, doc-9")


def test_a_missing_a_foreign_and_a_mistyped_column_fail_every_row(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    whole = pq.read_table(write_rows(JOB, tmp_path, rows_with())[0])
    whole = whole.drop_columns(["level"]).append_column("text", pa.array(["a", "b", "c"]))
    place = whole.schema.get_field_index("clauses")
    whole = whole.set_column(place, "clauses", whole["clauses"].cast(pa.string()))
    pq.write_table(whole, path)
    result = schema(JOB, [str(path)])
    assert result.figures["failing_rows"] == 3
    assert "column level is missing" in result.found
    assert "column text is not in the schema" in result.found
    assert "column clauses is string, not int64" in result.found


def test_an_empty_table_meets_its_schema(tmp_path: Path) -> None:
    assert schema(JOB, write_rows(JOB, tmp_path, [])).passed
    assert schema(JOB, []).passed


def test_no_check_shows_a_value_of_a_row(tmp_path: Path) -> None:
    job = make_job(rules=[{"name": "positive", "sql": "score > 0.9"}])
    rows = [make_row(job, 0, family="Jane Doe", names='["Jane Doe"', level="Jane Doe")]
    tables = write_tables(job, tmp_path, rows, enriched_outputs=[])
    for result in run_checks(job, figures(Conservation(items=1)), tables, duckdb.connect):
        assert "Jane" not in repr(result)


# rules


def test_only_error_rules_bind_the_rows_to_be_released(tmp_path: Path) -> None:
    job = make_job(
        rules=[
            {"name": "high", "sql": "score > 0.9", "severity": "warn"},
            {"name": "some", "sql": "score > 0.1"},
        ]
    )
    paths = write_rows(job, tmp_path, [make_row(job, n) for n in range(3)])
    assert rules(job, paths, duckdb.connect).passed
    paths = write_rows(job, tmp_path, [make_row(job, 9, score=None)])
    result = rules(job, paths, duckdb.connect)
    assert result.stops_release
    assert result.found == "some fails on 1 row, the first is doc-9"


# rates

ENOUGH = Conservation(items=2000, valid=1950, dead=50)
FEW = Conservation(items=20, valid=10, dead=10)


def figures(conservation: Conservation, **more: Any) -> BatchFigures:
    return BatchFigures(conservation=conservation, **more)


def test_the_failure_rate_warns_then_errs_by_the_jobs_bars() -> None:
    bars = ThresholdsSpec(failure_rate_warn=0.02, failure_rate_error=0.05)
    for failed, passed, severity in ((20, True, "warn"), (21, False, "warn"), (51, False, "error")):
        counted = figures(ENOUGH, asked=1000, first_try_failed=failed)
        result = failure_rate(counted, bars)
        assert (result.passed, result.severity, result.blocking) == (passed, severity, False)


def test_any_dead_letter_warns_and_many_are_an_error() -> None:
    bars = ThresholdsSpec(dead_letter_rate_error=0.01)
    assert dead_letter_rate(figures(Conservation(items=5, valid=5)), bars).passed
    one = dead_letter_rate(figures(Conservation(items=1000, valid=999, dead=1)), bars)
    assert (one.passed, one.severity) == (False, "warn")
    assert dead_letter_rate(figures(ENOUGH), bars).severity == "error"


def test_the_pass_rate_counts_answers_that_were_unusable_or_broke_a_rule() -> None:
    reasons = {"rule:a": 2, "rule:b": 1, "taxonomy": 5, "http_500": 50, "too_long": 9}
    counted = figures(ENOUGH, answered=95, dead_by_reason=reasons)
    result = validation_pass_rate(counted, ThresholdsSpec(validation_pass_rate_error=0.93))
    assert result.figures == {"validation_pass_rate": 0.92, "passed": 92.0, "outputs": 100.0}
    assert not result.passed


@pytest.mark.parametrize("check", [failure_rate, dead_letter_rate, validation_pass_rate])
def test_a_rate_of_nothing_passes(check: Any) -> None:
    assert check(figures(Conservation(items=0)), ThresholdsSpec()).passed
    skipped = Conservation(items=10, skipped=10)
    assert check(figures(skipped), ThresholdsSpec()).passed


@pytest.mark.parametrize(
    ("block", "conservation", "blocking", "severity"),
    [
        ((), ENOUGH, False, "error"),
        (("dead_letter_rate",), ENOUGH, True, "error"),
        (("dead_letter_rate",), FEW, False, "warn"),
        (("failure_rate",), ENOUGH, False, "error"),
    ],
)
def test_a_rate_blocks_only_where_named_in_error_and_with_enough_items(
    block: tuple[Any, ...], conservation: Conservation, blocking: bool, severity: str
) -> None:
    result = dead_letter_rate(figures(conservation), ThresholdsSpec(block=block))
    assert not result.passed
    assert (result.blocking, result.severity) == (blocking, severity)


def test_one_dead_letter_does_not_block_a_batch_that_blocks_on_dead_letters() -> None:
    bars = ThresholdsSpec(block=("dead_letter_rate",), min_items=1)
    counted = figures(Conservation(items=2000, valid=1999, dead=1))
    result = dead_letter_rate(counted, bars)
    assert not result.passed
    assert not result.stops_release


# together


def test_all_checks_of_a_sound_batch_pass_and_none_blocks(tmp_path: Path) -> None:
    tables = write_tables(JOB, tmp_path, rows_with())
    counted = figures(Conservation(items=3, valid=3), asked=3, answered=3, calls=3)
    results = run_checks(JOB, counted, tables, duckdb.connect)
    assert [result.name for result in results] == list(MEANINGS)
    assert all(result.passed for result in results), results
    assert blocking_failures(results) == ()
    wanted = run_checks(JOB, figures(Conservation(items=4, valid=4)), tables, duckdb.connect)
    assert [result.name for result in blocking_failures(wanted)] == ["completeness"]
    assert [set(a.figures) for a in results] == [set(b.figures) for b in wanted]


def test_rows_in_object_storage_are_checked_like_local_ones(tmp_path: Path) -> None:
    job = make_job(rules=[{"name": "some", "sql": "score > 0.1"}])
    local = write_rows(job, tmp_path, [make_row(job, n) for n in range(3)])[0]
    remote = UPath("memory://checks/part-00000.parquet")
    remote.parent.mkdir(parents=True, exist_ok=True)
    remote.write_bytes(Path(local).read_bytes())
    paths = [str(remote)]
    assert schema(job, paths).figures["rows"] == 3
    assert rules(job, paths, duckdb.connect).passed
    assert parquet_stream(paths, ["item_id"]).read_all().num_rows == 3


def test_which_checks_may_block_is_known_before_any_batch() -> None:
    assert {name for name in MEANINGS if may_block(JOB, name)} == ALWAYS_BLOCKING
    strict = make_job(thresholds={"block": ["failure_rate"]})
    assert may_block(strict, "failure_rate")


def test_importing_the_checks_loads_no_frames() -> None:
    code = (
        "import sys; from batch_ai_assets.engine.validation import checks; "
        "print([m for m in ('pandas', 'pandera', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
