"""Files that are still being written are left alone, counted, and taken another time."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.intake import read_documents, resolve_location
from batch_ai_assets.engine.intake.access import LOCAL_FILES
from batch_ai_assets.engine.intake.files import every_file, list_files
from batch_ai_assets.engine.intake.location import InputLocation
from batch_ai_assets.engine.intake.names import kind_of, path_of, source_key
from batch_ai_assets.engine.intake.retry import Retry
from batch_ai_assets.engine.spec.resolved import ResolvedJob

from .jobs import job_for, read, reason

NOW = 1_800_000_000.0
ON_ARRIVAL = {"cadence": "on_arrival", "arrival": {"items": 1}}


def _filled(tmp_path: Path, **ages: float) -> Path:
    """Files of so many seconds' age, each named by its keyword."""
    inbox = tmp_path / "inbox"
    inbox.mkdir(exist_ok=True)
    for name, age in ages.items():
        (inbox / name).write_text("text")
        os.utime(inbox / name, (NOW - age, NOW - age))
    return inbox


def _taken(job: ResolvedJob, now: float = NOW) -> list[str]:
    location = resolve_location(job, "b1", Path(job.folder), now=now)
    return [document.item_id for document in read_documents(job, location)]


def _put(inbox: Path, *names: str) -> None:
    for name in names:
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_text("text")


def test_a_file_is_taken_once_it_has_not_changed_for_a_while(tmp_path: Path) -> None:
    _filled(tmp_path, old=61, just=60, new=59)
    job = job_for(tmp_path, settle="60s")
    assert _taken(job) == ["old"]
    assert _taken(job, NOW + 1.5) == ["just", "new", "old"]


def test_on_arrival_a_file_settles_for_30_seconds_and_otherwise_not_at_all(tmp_path: Path) -> None:
    _filled(tmp_path, old=31, new=29)
    assert _taken(job_for(tmp_path, batches=ON_ARRIVAL)) == ["old"]
    assert _taken(job_for(tmp_path)) == ["new", "old"]


def test_a_clock_that_is_a_little_ahead_is_believed_and_one_far_ahead_is_not(
    tmp_path: Path,
) -> None:
    _filled(tmp_path, ahead=-600, absurd=-(10**8))
    assert _taken(job_for(tmp_path, settle="30s")) == ["absurd"]


def test_files_left_alone_are_counted_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _filled(tmp_path, old=90, new=1, newer=0)
    with caplog.at_level(logging.INFO, "batch_ai"):
        assert _taken(job_for(tmp_path, settle="1m")) == ["old"]
    (event,) = [orjson.loads(record.message) for record in caplog.records]
    assert event == {
        "event": "input_left_alone", "job": "orders", "batch": "b1", "unsettled": 2, "unmarked": 0
    }  # fmt: skip


def test_only_folders_that_are_marked_are_read_with_all_that_is_below_them(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    _put(inbox, "day1/_SUCCESS", "day1/a.txt", "day1/part/b.txt", "day2/c.txt", "d.txt")
    _put(inbox, "day2/late/_SUCCESS", "day2/late/e.txt")
    job = job_for(tmp_path, mark="_SUCCESS", settle="1d")
    # A mark counts at once: whoever set it has finished.
    assert _taken(job) == ["day1/a.txt", "day1/part/b.txt", "day2/late/e.txt"]


def test_a_mark_at_the_root_speaks_for_everything_and_is_no_document(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    _put(inbox, "complete.flag", "a.txt", "b/c.txt")
    assert _taken(job_for(tmp_path, mark="complete.flag")) == ["a.txt", "b/c.txt"]


def test_a_single_file_waits_for_the_mark_beside_it(tmp_path: Path) -> None:
    _put(tmp_path / "inbox", "a.txt")
    job = job_for(tmp_path, path="inbox/a.txt", mark="done")
    assert _taken(job) == []
    _put(tmp_path / "inbox", "done")
    assert _taken(job) == ["a.txt"]


def test_claimed_files_are_read_by_name_in_their_order_whatever_their_age(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, a=0, b=0, c=90)
    _put(tmp_path, "secret.txt")
    (inbox / "out").symlink_to(tmp_path / "secret.txt")
    (inbox / "folder").mkdir()
    job = job_for(tmp_path, settle="1m", mark="_SUCCESS", glob="*.md")
    location = resolve_location(job, "b1", tmp_path, now=NOW).only(
        ["c", "gone", "a", "out", "../secret.txt", "/etc/hostname", "folder", "no\0name"]
    )
    documents = list(read_documents(job, location))
    assert [document.source for document in documents[:4]] == ["c", "gone", "a", "out"]
    assert [reason(document) for document in documents] == [
        None, "unreadable", None, *["unreadable"] * 5
    ]  # fmt: skip
    assert all(document.text == "" for document in documents[3:])


def test_a_listing_goes_on_behind_any_file_it_was_stopped_at(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    _put(inbox, "a/x", "a-b", "a.txt", "a/y/z", "b/c/d", "b/e", "ä", "b0", "C/1")
    (inbox / os.fsdecode(b"raw-\xff")).write_text("text")
    location = InputLocation(str(inbox))
    everything = [file.key for file in every_file(location, LOCAL_FILES, Retry())]
    assert len(everything) == 10
    for number, key in enumerate(everything):
        behind = every_file(location, LOCAL_FILES, Retry(), after=key)
        assert [file.key for file in behind] == everything[number + 1 :]


@given(st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name))
def test_the_key_of_any_name_is_text_and_leads_back_to_it(name: bytes) -> None:
    relative = os.fsdecode(name).lstrip("/") or "x"
    key = source_key(relative)
    assert key.encode("utf-8")
    assert path_of(key) == relative


def test_sizes_times_and_types_come_with_the_files(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, **{"a.PDF": 5})
    (file,) = list_files(InputLocation(str(inbox)), LOCAL_FILES, Retry())
    assert (file.size, file.changed, file.kind) == (4, NOW - 5, "pdf")
    assert read(job_for(tmp_path))[0].changed == NOW - 5


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "txt"),
        ("a.tar.GZ", "gz"),
        ("README", "txt"),
        (".hidden", "txt"),
        ("v1.2/notes", "txt"),
        ("Mr. Smith says no", "txt"),
        ("a.", "txt"),
    ],
)
def test_the_type_of_a_file_is_its_ending(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_window_of_file_times_and_settling_are_two_things(tmp_path: Path) -> None:
    inbox = _filled(tmp_path, before=500, within=50, young=10)
    location = replace(InputLocation(str(inbox)), changed_from=NOW - 100, settled_before=NOW - 30)
    found = {file.name: file.left for file in every_file(location, LOCAL_FILES, Retry())}
    assert found == {"within": None, "young": "settle"}
