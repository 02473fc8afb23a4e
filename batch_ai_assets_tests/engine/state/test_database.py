"""The state store as a whole: schema versions, messages, and what makes it refuse."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from batch_ai_assets.engine.errors import SpecError, StateError
from batch_ai_assets.engine.state.database import Database
from batch_ai_assets.engine.state.store import StateStore
from batch_ai_assets.engine.state.tables import SCHEMA_VERSION, meta


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/state.sqlite"


def test_a_new_store_is_made_with_its_folder_and_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        StateStore.open(url(tmp_path / "state")).close()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("found", [SCHEMA_VERSION + 1, 0, "x"])
def test_a_store_of_another_schema_version_is_refused_and_left_as_it_is(
    found: int | str, tmp_path: Path
) -> None:
    StateStore.open(url(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / "state.sqlite")) as connection:
        connection.execute("UPDATE meta SET value = ?", (str(found),))
        connection.commit()
    before = (tmp_path / "state.sqlite").read_bytes()

    with pytest.raises(StateError) as refused:
        StateStore.open(url(tmp_path))

    assert f"has schema version {found}, this program needs {SCHEMA_VERSION}" in str(refused.value)
    assert "BATCH_AI_STATE_URL" in str(refused.value)
    assert (tmp_path / "state.sqlite").read_bytes() == before


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text("meeting notes, not a database\n" * 100)
    with pytest.raises(StateError, match="cannot be used: file is not a database"):
        StateStore.open(url(tmp_path), patience_seconds=30.0)


def test_a_place_that_is_no_file_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").mkdir()
    with pytest.raises(StateError, match=r"unable to open.*Check that its folder exists"):
        StateStore.open(url(tmp_path), patience_seconds=0.1)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("database is locked", "Another process holds it"),
        ("database or disk is full", "Make room on its disk"),
        ("disk I/O error", "Make room on its disk"),
        ("attempt to write a readonly database", "may be written"),
        ("could not connect to server", "Bring it back"),
    ],
)
def test_every_failure_says_what_to_do(text: str, hint: str, store: StateStore) -> None:
    error = sa.exc.OperationalError("SELECT secret", {}, sqlite3.OperationalError(text))
    said = str(store.database.translate(error))
    assert text in said
    assert hint in said
    assert "SELECT" not in said


def test_a_transaction_that_fails_is_tried_again_as_a_whole(tmp_path: Path) -> None:
    slept: list[float] = []
    database = Database(url(tmp_path), patience_seconds=60.0, sleep=slept.append)
    database.prepare()
    tries = 0

    def work(connection: sa.Connection) -> int:
        nonlocal tries
        tries += 1
        connection.execute(sa.text("INSERT INTO meta VALUES ('tried', 'once')"))
        if tries < 4:
            raise sa.exc.OperationalError("", {}, sqlite3.OperationalError("database is locked"))
        return tries

    assert database.run(work) == 4
    assert len(slept) == 3
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM meta WHERE key = 'tried'")) == 1
    database.close()


def test_a_transaction_that_breaks_a_rule_is_not_tried_again(store: StateStore) -> None:
    tries = 0

    def work(connection: sa.Connection) -> None:
        nonlocal tries
        tries += 1
        connection.execute(sa.text("INSERT INTO meta VALUES ('schema_version', 'again')"))

    with pytest.raises(StateError, match="UNIQUE"):
        store.database.run(work)
    assert tries == 1


def test_reading_does_not_wait_for_a_writer(store: StateStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state/state.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.batches.state("topics", "b1") is None
        other.execute("ROLLBACK")


@pytest.mark.parametrize(
    "address",
    [
        "nonsense hunter2",
        "nosuch://me:hunter2@host/db",
        "mysql+nosuch://me:hunter2@host/db",
        "oracle+cx_oracle://me:hunter2@host/db",
        "postgresql://me:hunter2@host:port/db",
        "postgresql+psycopg://me:first@hunter2@host/db",
    ],
)
def test_an_address_that_no_database_has_is_refused_with_the_variable_named(
    address: str,
) -> None:
    with pytest.raises(SpecError, match="BATCH_AI_STATE_URL") as refused:
        Database(address)
    assert "hunter2" not in str(refused.value)


def test_messages_name_the_place_of_a_store_and_nothing_that_opens_it() -> None:
    database = Database(
        "postgresql+psycopg://me:hunter2@/desk?host=/run/pg&password=hunter2&passfile=/hunter2"
    )
    assert database.where == "postgresql+psycopg://me:***@/desk?host=%2Frun%2Fpg"
    database.close()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 255, 256, 257, 1000])
def test_a_group_of_any_size_is_inserted_whole(
    count: int, tmp_path: Path
) -> None:
    rows = [(f"key {number}", str(number)) for number in range(count)]
    store = StateStore.open(url(tmp_path))
    try:
        store.database.run(lambda connection: store.database.insert(connection, meta, rows))
        with store.database.read() as connection:
            found = connection.execute(sa.select(meta).where(meta.c.key.like("key %"))).all()
    finally:
        store.close()
    assert sorted(map(tuple, found)) == sorted(rows)
