"""What only a server can show of a query as the source of a batch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake.admission import Item
from batch_ai_assets.engine.intake.sql_rows import read_sql
from batch_ai_assets.engine.spec.resolved import ResolvedJob

from ..intake.test_sql_rows import sql_job
from .conftest import PASSWORD

Sql = Callable[[str], str]
NO_SLEEP: Callable[[float], None] = [].append  # type: ignore[assignment]


def items(job: ResolvedJob, url: str, batch: str = "b1") -> Iterator[Item]:
    return read_sql(job, batch, lambda _: url, NO_SLEEP)


def refusal(job: ResolvedJob, url: str) -> str:
    with pytest.raises(IntakeError) as caught:
        list(items(job, url))
    # Also what a log would print of the error and its causes.
    return str(caught.value) + "".join(traceback.format_exception(caught.value))


def test_rows_of_every_type_that_a_table_may_have_are_items(
    tmp_path: Path, database: str, sql: Sql
) -> None:
    sql(
        """
        CREATE TABLE mails (id uuid, body text, n numeric, at timestamptz, tags text[], more jsonb);
        INSERT INTO mails VALUES
          ('8f9f3a52-0000-4000-8000-000000000001', 'Grüße 你好', 1.50, '2026-11-22 01:00+01',
           '{a,b}', '{"k": 1}'),
          ('8f9f3a52-0000-4000-8000-000000000002', NULL, NULL, NULL, NULL, NULL);
        """
    )
    job = sql_job(
        tmp_path,
        "SELECT * FROM mails ORDER BY id",
        attributes=["n", "tags", "more"],
        updated_at="at",
    )

    first, second = items(job, database)

    assert first.name == "8f9f3a52-0000-4000-8000-000000000001"
    assert first.text == "Grüße 你好"
    assert first.attributes == {"n": "1.50", "tags": '["a","b"]', "more": '{"k":1}'}
    assert first.changed == 1_795_305_600.0
    assert second.problem is not None
    assert second.problem.reason == "missing_text"


def test_a_plain_postgresql_address_is_enough(tmp_path: Path, database: str) -> None:
    plain = database.replace("+psycopg", "")

    (item,) = items(sql_job(tmp_path, "SELECT 1 AS id, 'hello' AS body"), plain)

    assert item.text == "hello"


def test_rows_stay_on_the_server_until_they_are_read(tmp_path: Path, database: str) -> None:
    count = "SELECT count(*)::text FROM pg_cursors"
    (item,) = items(sql_job(tmp_path, f"SELECT 1 AS id, ({count}) AS body"), database)
    assert item.text == "1"

    a_gigabyte = "SELECT n AS id, repeat('x', 1000) AS body FROM generate_series(1, 1000000) n"
    before = psutil.Process().memory_info().rss
    rows = items(sql_job(tmp_path, a_gigabyte), database)
    found = [item.name for item in islice(rows, 3000)]
    grown = psutil.Process().memory_info().rss - before
    rows.close()  # type: ignore[attr-defined]

    assert found[-1] == "3000"
    assert grown < 50_000_000


def test_the_window_is_bound_as_an_instant_whatever_the_column_holds(
    tmp_path: Path, database: str, sql: Sql
) -> None:
    sql(
        """
        CREATE TABLE mails (id int, body text, zoned timestamptz, bare timestamp, day date);
        INSERT INTO mails SELECT n, 'mail', at, at AT TIME ZONE 'UTC', date(at AT TIME ZONE 'UTC')
        FROM (VALUES (1, '2026-11-20 23:59:59Z'::timestamptz), (2, '2026-11-21 00:00:00Z'),
                     (3, '2026-11-21 23:59:59Z'), (4, '2026-11-22 00:00:00Z')) rows(n, at);
        """
    )

    def read(condition: str) -> list[str]:
        query = f"SELECT id, body FROM mails WHERE {condition} ORDER BY id"
        job = sql_job(tmp_path, query, {"cadence": "daily"})
        return [item.name for item in items(job, database, "2026-11-21")]

    assert read("zoned >= :since AND zoned < :until") == ["2", "3"]
    assert read("bare >= :since AND bare < :until") == ["2", "3"]
    assert read("day = :batch") == ["2", "3"]
    assert read("day::text = :batch") == ["2", "3"]


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO mails VALUES (9, 'x') RETURNING id, body",
        "WITH gone AS (DELETE FROM mails RETURNING *) SELECT id, body FROM gone",
        "SELECT id, body FROM mails FOR UPDATE",
    ],
)
def test_nothing_can_be_written_or_locked(
    tmp_path: Path, database: str, sql: Sql, query: str
) -> None:
    sql("CREATE TABLE mails (id int, body text); INSERT INTO mails VALUES (1, 'kept');")

    refusal(sql_job(tmp_path, query), database)

    assert "kept" in sql("SELECT body FROM mails")


def test_a_wrong_password_is_never_said(tmp_path: Path, database: str) -> None:
    said = refusal(sql_job(tmp_path, "SELECT 1"), database.replace("hunter2", "wrong-guess"))

    assert "password authentication failed" in said
    assert "wrong-guess" not in said


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT id, bodi AS body FROM mails", 'column "bodi" does not exist'),
        ("SELECT id, body FROM male", 'relation "male" does not exist'),
        ("SELECT id, body FORM mails", "syntax error"),
        ("SELECT id, body::int AS body FROM mails", "SQLSTATE 22P02"),
        ("SELECT id, body FROM mails WHERE 1 / (id - 1) > 0", "SQLSTATE 22012"),
    ],
)
def test_an_error_of_the_query_quotes_neither_password_nor_rows(
    tmp_path: Path, database: str, sql: Sql, query: str, words: str
) -> None:
    sql("CREATE TABLE mails (id int, body text); INSERT INTO mails VALUES (1, 'very private');")

    said = refusal(sql_job(tmp_path, query), database)

    assert words in said
    assert "very private" not in said
    assert PASSWORD not in said
    assert "hunter2" not in said


def test_a_server_that_goes_away_in_the_middle_ends_the_reading(
    tmp_path: Path, database: str, server: Any
) -> None:
    query = "SELECT n AS id, repeat('x', 1000) AS body FROM generate_series(1, 100000) n"
    rows = items(sql_job(tmp_path, query), database)
    next(rows)
    server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'me'")

    with pytest.raises(IntakeError, match="run the batch again; nothing was asked"):
        list(rows)
