"""Where a batch's documents lie, and what is said where they do not."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake import resolve_location

from .jobs import job_for, read

DAILY = {"cadence": "daily"}


def test_a_relative_path_starts_at_the_job_folder(tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "inbox").mkdir()
    location = resolve_location(job_for(tmp_path / "orders", path="../inbox"), "b1", tmp_path)
    assert location.root == str(tmp_path / "inbox")
    assert location.file is None


def test_home_date_and_batch_are_filled_in(tmp_path: Path) -> None:
    place = tmp_path / "home" / "2026-11-22" / "of-2026-11-22"
    place.mkdir(parents=True)
    job = job_for(tmp_path, path="{home}/{date}/of-{batch}", batches=DAILY)
    assert resolve_location(job, "2026-11-22", tmp_path / "home").root == str(place)


def test_braces_in_the_home_are_not_filled_in_again(tmp_path: Path) -> None:
    (tmp_path / "{batch}" / "in").mkdir(parents=True)
    job = job_for(tmp_path, path="{home}/in")
    assert resolve_location(job, "b1", tmp_path / "{batch}").root.endswith("/{batch}/in")


def test_a_file_is_read_alone_even_where_its_name_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "_one.txt").write_text("one")
    (tmp_path / "two.txt").write_text("two")
    documents = read(job_for(tmp_path, path="_one.txt"))
    assert [document.item_id for document in documents] == ["_one.txt"]


def test_a_missing_folder_is_named_with_the_job_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        resolve_location(job_for(tmp_path, path="in/{batch}"), "b1", tmp_path)
    message = str(caught.value)
    assert str(tmp_path / "in" / "b1") in message
    assert "input.path 'in/{batch}' of job orders" in message
    assert "make an empty folder" in message


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"does not exist\. Put the documents there"):
        resolve_location(job_for(tmp_path, path="orders.jsonl"), "b1", tmp_path)


def test_a_device_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "inbox")
    with pytest.raises(IntakeError, match="neither a file nor a folder"):
        resolve_location(job_for(tmp_path), "b1", tmp_path)


def test_a_path_that_cannot_be_looked_at_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"a{300} \(input\.path"):
        resolve_location(job_for(tmp_path, path="a" * 300), "b1", tmp_path)


@pytest.mark.parametrize("batch", ["a/b", "..", "", "B1", "-x", "a" * 64, "b1\n"])
def test_a_batch_key_that_is_no_slug_is_refused(tmp_path: Path, batch: str) -> None:
    with pytest.raises(IntakeError, match="is not a batch key"):
        resolve_location(job_for(tmp_path), batch, tmp_path)


def test_an_unknown_placeholder_is_named_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"\{day\}.*\{home\}, \{date\} and \{batch\}"):
        resolve_location(job_for(tmp_path, path="in/{day}"), "b1", tmp_path)


@pytest.mark.parametrize("batch", ["b1", "2026-02-30", "20261122", "2026-w47-1"])
def test_a_date_in_the_path_needs_a_batch_that_is_a_window(tmp_path: Path, batch: str) -> None:
    with pytest.raises(IntakeError, match="is not a key of its daily batches"):
        resolve_location(job_for(tmp_path, path="in/{date}", batches=DAILY), batch, tmp_path)


def test_a_window_by_path_needs_a_path_that_differs_by_batch(tmp_path: Path) -> None:
    job = job_for(tmp_path, batches={"cadence": "daily", "window": "path"})
    with pytest.raises(IntakeError, match=r"put \{date\} into it"):
        resolve_location(job, "2026-11-22", tmp_path)


def _changed(path: Path, *, at: str, zone: str) -> None:
    path.write_text("text")
    instant = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).timestamp()
    os.utime(path, (instant, instant))


@pytest.mark.parametrize(
    ("zone", "before", "day", "after"),
    [
        ("Europe/Paris", "2026-11-21", "2026-11-22", "2026-11-23"),
        ("America/New_York", "2026-10-31", "2026-11-01", "2026-11-02"),  # 25 hours long
        ("Asia/Tokyo", "2026-12-31", "2027-01-01", "2027-01-02"),
    ],
)
def test_files_changed_on_the_day_in_the_jobs_time_zone_are_taken(
    tmp_path: Path, zone: str, before: str, day: str, after: str
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    _changed(inbox / "first.txt", at=f"{day}T00:00:00", zone=zone)
    _changed(inbox / "last.txt", at=f"{day}T23:59:59", zone=zone)
    _changed(inbox / "early.txt", at=f"{before}T23:59:59", zone=zone)
    _changed(inbox / "late.txt", at=f"{after}T00:00:00", zone=zone)
    batches = {"cadence": "daily", "window": "file_time", "timezone": zone}
    documents = read(job_for(tmp_path, batches=batches), day)
    assert [document.item_id for document in documents] == ["first.txt", "last.txt"]


def test_a_snapshot_takes_every_file(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    _changed(tmp_path / "inbox" / "old.txt", at="2001-01-01", zone="UTC")
    assert len(read(job_for(tmp_path))) == 1
