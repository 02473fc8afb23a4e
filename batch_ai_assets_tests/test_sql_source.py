"""A job that reads a query, as a user runs it: what is printed, and where its secret is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from .jobs import job_file
from .running import Platform, batch_ai

QUERY = "SELECT id, text FROM mails WHERE day = :batch"
JOB = job_file(input={"sql": {"url": "env:DESK_DATABASE", "query": QUERY}})


def test_a_query_is_run_from_the_command_line(
    platform: Callable[..., Platform], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform(JOB)
    monkeypatch.setenv("DESK_DATABASE", f"sqlite:///{tmp_path}/desk.sqlite")
    with sqlite3.connect(tmp_path / "desk.sqlite") as desk:
        desk.execute("CREATE TABLE mails (id, text, day)")
        desk.execute("INSERT INTO mails VALUES ('a', 'Hello.', 'monday'), ('b', 'Bye.', 'friday')")

    ended = batch_ai("run", "mail", "--batch", "monday")

    assert ended.exit_code == 0, ended.output
    assert "1 items = 0 pending + 1 valid" in ended.output.replace("\n", " ")


def test_a_database_that_is_away_stops_the_run_and_its_password_is_nowhere(
    platform: Callable[..., Platform], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = platform(JOB)
    monkeypatch.setenv("DESK_DATABASE", "postgresql://me:hunter2@127.0.0.1:9/desk")

    run = here.run("mail", "monday")

    assert not run.success
    assert here.model.stats()["calls"] == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if b"hunter2" in path.read_bytes()] == []


def test_a_secret_that_is_not_set_is_named(
    platform: Callable[..., Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform(JOB)
    monkeypatch.delenv("DESK_DATABASE", raising=False)

    ended = batch_ai("run", "mail", "--batch", "monday")

    said = " ".join(ended.output.split())
    assert ended.exit_code == 1
    assert "The database of job mail is not known. The secret env:DESK_DATABASE is not set" in said
