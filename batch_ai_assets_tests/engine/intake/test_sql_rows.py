"""A query as the source of a batch, on SQLite. What only a server can show: test_postgres.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake.admission import Item
from batch_ai_assets.engine.intake.row_window import rows_of_window
from batch_ai_assets.engine.intake.sql_rows import filters_by_time, read_sql
from batch_ai_assets.engine.spec.resolved import ResolvedJob

from ..world import make_job

DAILY = {"cadence": "daily", "window": "column", "timezone": "Europe/Paris"}
NO_WAIT: list[float] = []


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "desk.sqlite")
    connection.execute("CREATE TABLE mails (id INTEGER, body TEXT, desk TEXT, at TEXT)")
    yield connection
    connection.close()


def fill(database: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    database.executemany("INSERT INTO mails VALUES (?, ?, ?, ?)", rows)
    database.commit()


def sql_job(
    tmp_path: Path, query: str, batches: dict[str, Any] | None = None, **more: Any
) -> ResolvedJob:
    source = {"path": None, "format": "text", "text": "body"}
    sql = {"url": "env:DESK", "query": query}
    return make_job(
        tmp_path, {"input": {**source, "sql": sql, **more}, "batches": batches or {}}
    )


def read(tmp_path: Path, job: ResolvedJob, batch: str = "b1", url: str = "") -> list[Item]:
    secrets = {"env:DESK": url or f"sqlite:///{tmp_path}/desk.sqlite"}
    return list(read_sql(job, batch, lambda name: secrets[name], NO_WAIT.append))


def refusal(tmp_path: Path, job: ResolvedJob, url: str = "", batch: str = "b1") -> str:
    with pytest.raises(IntakeError) as caught:
        read(tmp_path, job, batch, url)
    return str(caught.value)


def test_every_row_of_the_query_is_an_item_in_the_order_of_the_query(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    fill(database, [(n, f"mail {n}", "cards", "2026-11-20") for n in (3, 1, 2)])
    job = sql_job(
        tmp_path,
        "SELECT * FROM mails ORDER BY id DESC",
        attributes=["desk"],
        updated_at="at",
    )

    items = read(tmp_path, job)

    assert [item.name for item in items] == ["3", "2", "1"]
    assert [item.text for item in items] == ["mail 3", "mail 2", "mail 1"]
    assert items[0].attributes == {"desk": "cards"}
    assert items[0].source == "query#row=1"
    assert items[0].kind == "row"
    assert items[0].changed == 1_795_132_800.0


def test_a_row_without_text_or_id_is_a_problem_that_names_the_row_and_the_column(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    fill(database, [(1, None, "x", None), (None, "secret words", "x", None), (3, "fine", "x", "")])

    no_text, no_id, fine = read(tmp_path, sql_job(tmp_path, "SELECT * FROM mails"))

    assert no_text.problem is not None
    assert "row 1 of the query has no 'body'" in no_text.problem.message
    assert no_id.problem is not None
    assert no_id.problem.reason == "missing_id"
    assert "secret" not in no_id.problem.message
    assert fine.problem is None


def test_the_batch_and_its_window_are_bound_never_pasted_in(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    fill(database, [(1, "a", "2026-11-20", ""), (2, "b", "2026-11-21", "")])
    job = sql_job(
        tmp_path, "SELECT * FROM mails WHERE desk = :batch OR :since IS NULL", {"cadence": "daily"}
    )

    assert [item.name for item in read(tmp_path, job, "2026-11-21")] == ["2"]
    assert read(tmp_path, job, "2026-11-22") == []


def test_a_colon_inside_of_the_query_can_be_meant(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    job = sql_job(tmp_path, r"SELECT 1 AS id, 'see \:later' AS body")

    assert [item.text for item in read(tmp_path, job)] == ["see :later"]


def test_a_parameter_that_nobody_knows_is_refused_before_the_database_is_asked(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    said = refusal(tmp_path, sql_job(tmp_path, "SELECT * FROM mails WHERE at > :yesterday"))

    assert ":yesterday" in said
    assert ":batch, :since and :until" in said


def test_a_job_without_windows_cannot_ask_for_one(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    said = refusal(tmp_path, sql_job(tmp_path, "SELECT * FROM mails WHERE at > :since"))

    assert "no window of time" in said


def test_a_column_says_which_window_a_row_belongs_to_where_the_query_does_not(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    fill(
        database,
        [
            (1, "the evening before, in Paris", "", "2026-11-20T22:59:59Z"),
            (2, "midnight in Paris", "", "2026-11-20T23:00:00Z"),
            (3, "the last second", "", "2026-11-21T22:59:59Z"),
            (4, "the next day", "", "2026-11-21T23:00:00Z"),
            (5, "no time", "", None),
        ],
    )
    job = sql_job(tmp_path, "SELECT * FROM mails", DAILY, updated_at="at")

    items = rows_of_window(job, "2026-11-21", iter(read(tmp_path, job, "2026-11-21")))

    found = {item.name: item.problem for item in items}
    assert set(found) == {"2", "3", "5"}
    assert found["5"] is not None
    assert found["5"].reason == "unreadable"
    assert not filters_by_time("SELECT * FROM mails WHERE day = :batch")
    assert filters_by_time("SELECT * FROM mails WHERE at >= :since")


def test_a_column_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    said = refusal(tmp_path, sql_job(tmp_path, "SELECT id, body AS bodi FROM mails"))

    assert "'body'" in said
    assert "input.text" in said
    assert "'bodi'" in said


def test_a_column_that_is_there_twice_is_refused(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    said = refusal(tmp_path, sql_job(tmp_path, "SELECT id, body, desk AS id FROM mails"))

    assert "2 columns named 'id'" in said


def test_a_wrong_query_is_answered_in_the_words_of_the_database(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    said = refusal(tmp_path, sql_job(tmp_path, "SELECT * FORM mails"))

    assert 'near "FORM": syntax error' in said
    assert "nothing was asked" in said


def test_what_an_error_of_sqlite_quotes_is_not_repeated(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    fill(database, [(1, "it's private", "x", None)])
    query = "SELECT id, json_extract('{}', body) AS body FROM mails"

    said = refusal(tmp_path, sql_job(tmp_path, query))

    assert "'…'" in said
    assert "private" not in said


def test_a_text_that_is_none_is_a_problem_of_its_row_alone(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    fill(database, [(1, "fine", "x", None), (2, "y", "x", None), (3, "fine too", "x", None)])
    database.execute("UPDATE mails SET body = CAST(x'7072697661746520ff' AS TEXT) WHERE id = 2")
    database.commit()

    first, broken, last = read(tmp_path, sql_job(tmp_path, "SELECT id, body FROM mails"))

    assert (first.text, last.text) == ("fine", "fine too")
    assert broken.problem is not None
    assert broken.problem.reason == "undecodable"
    assert "private" not in broken.problem.message


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM mails", "DROP TABLE mails", "UPDATE mails SET body = ''", "CREATE TABLE t (a)"],
)
def test_nothing_is_written_to_the_database(
    tmp_path: Path, database: sqlite3.Connection, query: str
) -> None:
    fill(database, [(1, "kept", "", "")])

    assert "readonly" in refusal(tmp_path, sql_job(tmp_path, query))
    assert database.execute("SELECT body FROM mails").fetchall() == [("kept",)]


def test_a_statement_that_gives_no_rows_is_refused(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    assert "is no SELECT" in refusal(tmp_path, sql_job(tmp_path, "PRAGMA case_sensitive_like = ON"))


def test_a_database_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    said = refusal(
        tmp_path, sql_job(tmp_path, "SELECT 1"), f"sqlite:///{tmp_path}/mistyped.sqlite"
    )

    assert "no such file" in said
    assert not (tmp_path / "mistyped.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url with hunter2", "is no database URL"),
        ("mysql+notthere://me:hunter2@host/db", "no driver"),
        ("mssql+pyodbc://me:hunter2@host/db", "pip install pyodbc"),
        ("postgresql+psycopg2://me:hunter2@host/db", "pip install batch-ai-assets[postgres]"),
        ("madeup://me:hunter2@host/db", "driver for madeup"),
        ("postgresql://me:first@hunter2@host/db", "%40 for an @ in the password"),
    ],
)
def test_what_is_no_usable_url_is_said_without_its_password(
    tmp_path: Path, url: str, words: str
) -> None:
    said = refusal(tmp_path, sql_job(tmp_path, "SELECT 1"), url)

    assert words in said
    assert "hunter2" not in said
    assert "env:DESK" in said


def test_a_server_that_is_away_is_tried_again_and_then_named_by_its_reference(
    tmp_path: Path,
) -> None:
    NO_WAIT.clear()

    said = refusal(
        tmp_path, sql_job(tmp_path, "SELECT 1"), "postgresql://me:hunter2@127.0.0.1:9/db"
    )

    assert len(NO_WAIT) == 4
    assert "hunter2" not in said
    assert "env:DESK" in said


def test_a_query_without_rows_is_an_empty_batch(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    assert read(tmp_path, sql_job(tmp_path, "SELECT * FROM mails")) == []
