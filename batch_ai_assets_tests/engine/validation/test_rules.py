"""Rules: good ones find the rows that fail, bad and hostile ones are refused or stopped."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.validation.rules import check_rules, failing_counts, failing_items
from batch_ai_assets.engine.validation.sandbox import OutOfTime, sandbox

from .samples import make_job, make_row, write_rows


def job_with(*conditions: str) -> ResolvedJob:
    return make_job(rules=[{"name": f"r{n}", "sql": sql} for n, sql in enumerate(conditions)])


def fail(tmp_path: Path, condition: str, *changes: dict[str, object]) -> list[int]:
    job = job_with(condition)
    check_rules(job)
    rows = [make_row(job, number, **change) for number, change in enumerate(changes)]
    return failing_items(job, write_rows(job, tmp_path, rows, True), duckdb.connect)["r0"]


def test_a_false_condition_fails_a_row_and_a_true_one_does_not(tmp_path: Path) -> None:
    condition = "NOT (family = 'permissive' AND level = 'strong')"
    assert fail(tmp_path, condition, {}, {"level": "strong"}, {}) == [1]


def test_null_counts_as_failed(tmp_path: Path) -> None:
    assert fail(tmp_path, "score > 0.2", {"score": None}, {"score": 0.3}, {"score": 0.1}) == [0, 2]


def test_a_value_the_condition_cannot_be_computed_for_fails_its_own_row_only(
    tmp_path: Path,
) -> None:
    assert fail(tmp_path, "item_id::INTEGER > 1", {"item_id": "2"}, {}, {"item_id": "1"}) == [1, 2]


@pytest.mark.parametrize(
    "condition",
    [
        "confidence BETWEEN 0 AND 1",
        "tokens_in + tokens_out < 1000 AND cost_usd = 0",
        "created_at > TIMESTAMP '2020-01-01'",
        "json_array_length(names) = 1 AND names->>'$[0]' = 'MIT'",
        "len(list_filter(from_json(names, '[\"VARCHAR\"]'), lambda x: x = 'MIT')) = 1",
        "family IN ('permissive', 'copyleft') -- a remark at the end",
        "regexp_matches(input_hash, '^[0-9a-f]{64}$')",
        "patents IS NULL OR patents",
        "FAMILY = 'permissive'",
        "result.level = 'none'",
        "true",
    ],
)
def test_a_rule_may_look_at_lineage_output_json_and_time(tmp_path: Path, condition: str) -> None:
    assert fail(tmp_path, condition, {}) == []


def test_several_rules_are_judged_each_on_its_own(tmp_path: Path) -> None:
    job = job_with("score > 0.4", "clauses < 3", "true")
    rows = [make_row(job, 7, score=0.1), make_row(job, 8), make_row(job, 9, clauses=1)]
    paths = write_rows(job, tmp_path, rows[:1], True) + write_rows(job, tmp_path, rows[1:], True)
    found = failing_items(job, paths, duckdb.connect)
    assert found == {"r0": [7], "r1": [7, 8], "r2": []}
    counts = failing_counts(job, job.spec.rules, paths, duckdb.connect)
    assert counts == {"r0": (1, "doc-7"), "r1": (2, "doc-7"), "r2": (0, None)}


def test_no_rows_and_no_rules_fail_nothing(tmp_path: Path) -> None:
    job = job_with("true")
    assert failing_items(job, [], duckdb.connect) == {"r0": []}
    empty = write_rows(job, tmp_path, [], True)
    assert failing_items(job, empty, duckdb.connect) == {"r0": []}
    assert failing_items(make_job(), empty, duckdb.connect) == {}


def test_released_rows_without_seq_are_judged_as_well(tmp_path: Path) -> None:
    job = job_with("score > 0.4")
    paths = write_rows(job, tmp_path, [make_row(job, 1, score=0.2)])
    assert failing_counts(job, job.spec.rules, paths, duckdb.connect) == {"r0": (1, "doc-1")}


def test_output_fields_may_have_names_that_sql_keeps_for_itself(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"select": {"type": "string"}, 'od"d': {"type": "integer"}},
    }
    job = make_job(schema, rules=[{"name": "r", "sql": '"select" = \'a\' AND "od""d" > 1'}])
    check_rules(job)
    row = make_row(job, 0, **{"select": "a", 'od"d': 1})
    paths = write_rows(job, tmp_path, [row], True)
    assert failing_items(job, paths, duckdb.connect) == {"r": [0]}


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("score >", "not valid SQL"),
        ("scor > 1", "not valid SQL"),
        ("score > 1)", "not valid SQL"),
        ("/* open", "not valid SQL"),
        ("score", "gives DOUBLE, not true or false"),
        ("'yes'", "gives VARCHAR"),
        ("NULL", "not true or false"),
        ("count(*) > 1", "not valid SQL"),
        ("row_number() OVER () > 1", "window"),
        ("random() > 0.5", "not valid SQL"),
        ("", "String should have at least 1 character"),
        ("true, false", "not true or false"),
        ("true) AS a, (true", "more than one condition"),
        ("true) UNION ALL SELECT (true", "more than one condition"),
        ("1=1); COPY result TO '/tmp/stolen.csv'; SELECT (1=1", "more than one condition"),
        ("1=1); ATTACH '/tmp/x.db'; SELECT (1=1", "more than one condition"),
        ("1=1); SET enable_external_access=true; SELECT (1=1", "more than one condition"),
        ("true) FROM result; DELETE FROM result; SELECT (true", "more than one"),
        ("true) FROM read_csv('/etc/passwd') WHERE (true", "not valid SQL"),
        ("(SELECT count(*) FROM read_csv('/etc/passwd')) > 0", "subquery"),
        ("EXISTS (SELECT * FROM '/etc/passwd')", "subquery"),
        ("(SELECT count(*) FROM range(100000000) a, range(100000000) b) > 0", "subquery"),
        ("score IN (SELECT 1)", "subquery"),
        ("len(range(1000000000)) > 1", "calls range()"),
        ("length(repeat('x', 3000000000)) > 1", "calls repeat()"),
        ("length(main.lpad('x', 300000000, 'y')) > 1", "calls lpad()"),
        ("COLUMNS(*) IS NOT NULL", "star"),
        ("score > $1", "parameter"),
        ("score > ?", "parameter"),
        ("getenv('HOME') = '/root'", "not valid SQL"),
        ("seq > 1", "not valid SQL"),
        ("flags IS NULL", "not valid SQL"),
    ],
)
def test_a_bad_or_hostile_rule_is_refused_by_name(condition: str, problem: str) -> None:
    with pytest.raises((SpecError, ValueError), match=re.escape(problem)) as caught:
        check_rules(make_job(rules=[{"name": "sly", "sql": condition}]))
    if isinstance(caught.value, SpecError):
        assert "jobs/licences/job.yaml" in str(caught.value)
        assert "'sly'" in str(caught.value)


def test_refusing_a_rule_leaves_no_file_behind(tmp_path: Path) -> None:
    target = tmp_path / "stolen.csv"
    with pytest.raises(SpecError):
        check_rules(job_with(f"1=1); COPY (SELECT 1) TO '{target}'; SELECT (1=1"))
    assert not target.exists()


def test_two_rules_of_one_name_are_refused() -> None:
    rules = [{"name": "same", "sql": "true"}, {"name": "same", "sql": "false"}]
    with pytest.raises(SpecError, match="two rules are called 'same'"):
        check_rules(make_job(rules=rules))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/stolen.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA memory_limit='100GB'",
        "SELECT * FROM python_variable",
        "EXPORT DATABASE '/tmp/stolen'",
    ],
)
def test_the_sandbox_reaches_nothing_but_its_rows(statement: str) -> None:
    python_variable = duckdb.sql("SELECT 1")  # noqa: F841 - the statement tries to read it
    with sandbox(duckdb.connect) as box, pytest.raises(duckdb.Error):
        box.query(statement, 5)


def test_a_query_whose_time_is_up_is_stopped() -> None:
    started = time.monotonic()
    with sandbox(duckdb.connect) as box:
        with pytest.raises(OutOfTime):
            box.query("SELECT count(*) FROM range(100000000) a, range(100000000) b", 0.2)
        assert box.query("SELECT 1", 5) == [(1,)]
    assert time.monotonic() - started < 10


def test_a_rule_that_takes_too_long_is_stopped_and_named(tmp_path: Path) -> None:
    slow = "md5(" * 400 + "item_id" + ")" * 400 + " <> ''"
    job = job_with(slow)
    paths = write_rows(job, tmp_path, [make_row(job, n) for n in range(20_000)], True)
    with pytest.raises(SpecError, match=r"'r0' did not finish within 0\.01 s"):
        failing_items(job, paths, duckdb.connect, timeout_seconds=0.01)


def test_a_rule_that_breaks_while_running_quotes_no_value(tmp_path: Path) -> None:
    job = job_with("length(error(family)) > 1")
    row = make_row(job, 0, family="Jane Doe")
    paths = write_rows(job, tmp_path, [row], True)
    try:
        assert failing_items(job, paths, duckdb.connect) == {"r0": [0]}
    except SpecError as error:
        assert "Jane" not in str(error)  # noqa: PT017 - both ends are right, quoting is not


def test_loading_rules_stays_light() -> None:
    code = (
        "import sys; from batch_ai_assets.engine.validation import columns, rules, sandbox; "
        "heavy = ('pandas', 'pandera', 'pyarrow', 'numpy', 'jinja2'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scores=st.lists(st.none() | st.floats(0, 1), max_size=30), bar=st.floats(0, 1))
def test_what_fails_is_exactly_what_is_not_true(
    tmp_path: Path, scores: list[float | None], bar: float
) -> None:
    job = job_with(f"score >= {bar!r}::DOUBLE")
    for old in tmp_path.glob("*.parquet"):
        old.unlink()
    rows = [make_row(job, number, score=score) for number, score in enumerate(scores)]
    found = failing_items(job, write_rows(job, tmp_path, rows, True), duckdb.connect)["r0"]
    wanted = [n for n, score in enumerate(scores) if score is None or not score >= bar]
    assert found == wanted


@settings(max_examples=150)
@given(st.text(alphabet="()';-/*\n $?,.=<>truefalsOR1score\"[]{}:", max_size=40))
def test_any_text_is_a_rule_or_a_spec_error(condition: str) -> None:
    if not condition.strip():
        return
    try:
        check_rules(make_job(rules=[{"name": "any", "sql": condition}]))
    except SpecError as error:
        assert "'any'" in str(error)  # noqa: PT017 - most texts are refused, some are fine
