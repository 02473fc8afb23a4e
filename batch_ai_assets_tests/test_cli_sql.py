from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from batch_ai_assets.commands import sql
from batch_ai_assets.commands.streams import output

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters, refused

Make = Callable[..., Platform]


@pytest.fixture
def mail(platform: Make) -> Platform:
    """A finished batch: two results, one dead letter."""
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(2), **refused(1)})
    assert batch_ai("run", "mail", "--batch", "monday").exit_code == 0
    return here


def test_a_table_that_fits_is_a_table(mail: Platform) -> None:
    result = batch_ai("sql", "mail", "SELECT item_id, topic FROM mail ORDER BY ALL")

    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["item_id", "topic"], ["m000", "card"], ["m001", "other"],
    ]  # fmt: skip
    assert result.stderr == "2 rows\n"


def test_a_table_that_is_wider_than_the_terminal_is_shown_row_by_row(
    mail: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrow() -> object:
        console = output()
        console.width = 30
        return console

    monkeypatch.setattr(sql, "output", narrow)

    result = batch_ai(
        "sql", "mail", "SELECT job, batch, item_id, model, provider FROM mail LIMIT 1"
    )

    assert result.stdout.splitlines() == [
        "row 1", "  job: mail", "  batch: monday", "  item_id: m000", "  model: stub",
        "  provider: near",
    ]  # fmt: skip
    assert result.stderr == "1 row\n"


def test_csv_has_plain_line_ends_and_json_one_object_per_line(mail: Platform) -> None:
    query = "SELECT item_id, topic FROM mail ORDER BY ALL"
    as_csv = batch_ai("sql", "mail", query, "--format", "csv").stdout_bytes.decode()
    as_json = batch_ai("sql", "mail", query, "--format", "json").stdout

    assert "\r" not in as_csv
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert rows == [json.loads(line) for line in as_json.splitlines()]


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_sealed_bytes_are_counted_not_printed(mail: Platform, form: str) -> None:
    query = "SELECT sealed_payload, 'ab'::BLOB AS other FROM mail__dead_letter_queue"
    result = batch_ai("sql", "mail", query, "--format", form)

    assert "<sealed, " in result.stdout
    assert "<2 bytes>" in result.stdout


def test_a_query_that_does_not_run_is_explained(mail: Platform) -> None:
    result = batch_ai("sql", "mail", "SELECT nothing FROM mail")

    assert result.exit_code == 1
    assert "The query does not run" in result.output


FORBIDDEN = [
    "COPY (SELECT 'taken') TO '{file}'",
    "COPY mail TO '{file}' (FORMAT parquet)",
    "SELECT 1; COPY (SELECT 'taken') TO '{file}'",
    "EXPLAIN ANALYZE COPY (SELECT 'taken') TO '{file}'",
    "EXPORT DATABASE '{file}'",
    "ATTACH '{file}' AS other",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_json('{file}')",
    "FROM glob('{file}*')",
    "SET allowed_paths = ['{file}']; FROM read_text('{file}')",
]


def test_sql_writes_no_published_file_and_reads_no_pointer_and_no_key(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    batch_ai("run", "mail", "--batch", "monday")
    (pointer,) = here.home.rglob("_current.json")
    keys = here.home / "secret.key"
    keys.write_text("not to be seen")
    data = here.home / "data"
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    (part, *_) = (path for path in before if path.suffix == ".parquet")

    for query in FORBIDDEN:
        for file in (pointer, keys):
            result = batch_ai("sql", "mail", query.format(file=file))
            assert result.exit_code != 0, query
            assert "not to be seen" not in result.output
        batch_ai("sql", "mail", query.format(file=part))

    after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert after == before
    assert keys.read_text() == "not to be seen"


SPELLINGS = [
    "FROM mail", "WITH a AS (FROM mail) FROM a", "DESCRIBE mail", "SUMMARIZE mail", "SHOW TABLES",
    "VALUES (1)", "SELECT 1; -- a remark",
]  # fmt: skip


def test_sql_takes_every_spelling_of_one_select_and_the_name_of_a_job_alone(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    batch_ai("run", "mail", "--batch", "monday")

    for query in SPELLINGS:
        result = batch_ai("sql", "mail", query)
        assert result.exit_code == 0, result.output
    for name in ("..", ".", "/etc", "mail/..", "mail/results", "Mail", "a'b", ""):
        result = batch_ai("sql", name, "SELECT 1")
        assert result.exit_code != 0
        assert "is not the name of a job" in result.output


def test_sql_says_what_is_damaged(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    batch_ai("run", "mail", "--batch", "monday")

    mail = here.home / "data" / "mail"
    for path in (
        mail / "results" / "monday" / "_current.json",
        mail / "raw_inputs" / "monday" / "_latest.json",
    ):
        whole = path.read_text()
        for damage in ("", "{}", "[]", '{"path": 7, "parts": 7}'):
            path.write_text(damage)
            result = batch_ai("sql", "mail", "SELECT 1")
            assert result.exit_code != 0
            assert "the pointer" in result.output or "no finished table" in result.output
        path.write_text(whole)
    (part, *_) = (mail / "results").rglob("*.parquet")
    part.unlink()
    assert "a part is gone or damaged" in batch_ai("sql", "mail", "SELECT 1").output
