from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake.location import resolve_location
from batch_ai_assets.engine.intake.readers import read_documents

from .jobs import job_for

BY_COLUMN = {"cadence": "daily", "window": "column"}


def read(folder: Path, batch: str, **batches: Any) -> dict[str, str]:
    """id → what is wrong with it, of the rows that belong to the batch."""
    job = job_for(
        folder, format="jsonl", updated_at="at", batches={**BY_COLUMN, **batches}
    )
    location = resolve_location(job, batch, folder)
    documents = read_documents(job, location, batch=batch)
    return {one.item_id: one.problem.reason if one.problem else "" for one in documents}


def write(folder: Path, *rows: tuple[str, str | None]) -> None:
    (folder / "inbox").mkdir(exist_ok=True)
    lines = [json.dumps({"id": key, "text": "text", "at": at}) for key, at in rows]
    (folder / "inbox" / "rows.jsonl").write_text("\n".join(lines))


def test_every_row_of_a_file_belongs_to_exactly_one_window(tmp_path: Path) -> None:
    write(
        tmp_path,
        ("a", "2026-11-20T23:59:59.999Z"),
        ("b", "2026-11-21T00:00:00Z"),
        ("c", "2026-11-21T12:00:00+14:00"),
        ("d", "2026-11-21"),
        ("e", "2026-11-22T00:00:00Z"),
    )

    days = {day: set(read(tmp_path, f"2026-11-{day}")) for day in (20, 21, 22)}

    assert days == {20: {"a", "c"}, 21: {"b", "d"}, 22: {"e"}}


def test_the_same_item_may_be_written_anew_in_another_window(tmp_path: Path) -> None:
    write(tmp_path, ("a", "2026-11-20"), ("a", "2026-11-21"))

    assert read(tmp_path, "2026-11-20") == read(tmp_path, "2026-11-21") == {"a": ""}


def test_a_row_that_does_not_say_when_is_a_problem_and_is_not_forgotten(tmp_path: Path) -> None:
    write(tmp_path, ("a", None), ("b", "some day"), ("c", "2026-11-21"))

    assert read(tmp_path, "2026-11-21") == {"a": "unreadable", "b": "unreadable", "c": ""}
    assert read(tmp_path, "2026-11-22") == {"a": "unreadable", "b": "unreadable"}


def test_a_key_that_is_no_window_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ("a", "2026-11-20"))

    with pytest.raises(IntakeError, match="is not a key"):
        read(tmp_path, "monday")


def test_where_no_column_decides_every_row_is_taken(tmp_path: Path) -> None:
    write(tmp_path, ("a", "2026-11-20"), ("b", None))

    assert set(read(tmp_path, "2026-11-21", window="snapshot")) == {"a", "b"}
