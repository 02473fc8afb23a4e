"""Errors that pass are waited out; others are told at once. No test sleeps."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake.files import Listing, LocalFiles
from batch_ai_assets.engine.intake.retry import Retry, is_passing

from .jobs import job_for, only, read, reason


class ShakyFiles(LocalFiles):
    """Local files whose operations fail as often as a test says."""

    def __init__(self, code: int, **failures: int) -> None:
        self.code = code
        self.failures = failures
        self.lines = 0

    def fail(self, operation: str) -> None:
        if self.failures.get(operation, 0) > 0:
            self.failures[operation] -= 1
            raise OSError(self.code, os.strerror(self.code))

    def list(self, folder: str) -> Listing:
        self.fail("list")
        return super().list(folder)

    def stat(self, path: str) -> os.stat_result:
        self.fail("stat")
        return super().stat(path)

    def open(self, path: str) -> BinaryIO:
        self.fail("open")
        return ShakyFile(super().open(path), self)  # type: ignore[return-value]


class ShakyFile:
    """A real file whose reads fail as often as a test says, after having moved on."""

    def __init__(self, file: BinaryIO, owner: ShakyFiles) -> None:
        self.file = file
        self.owner = owner

    def read(self, size: int) -> bytes:
        self.owner.fail("read")
        return self.file.read(size)

    def readline(self, size: int) -> bytes:
        content = self.file.readline(size)
        self.owner.lines += 1
        if self.owner.lines > 2:
            self.owner.fail("read")
        return content

    def seek(self, offset: int) -> int:
        return self.file.seek(offset)

    def close(self) -> None:
        self.file.close()

    def __enter__(self) -> ShakyFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _inbox(tmp_path: Path) -> Path:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return inbox


@pytest.mark.parametrize("operation", ["list", "stat", "open", "read"])
def test_a_text_file_is_read_although_its_store_fails_now_and_then(
    tmp_path: Path, operation: str
) -> None:
    (_inbox(tmp_path) / "a.txt").write_text("text")
    waits: list[float] = []
    access = ShakyFiles(errno.EIO, **{operation: 5})
    document = only(read(job_for(tmp_path), access=access, sleep=waits.append))
    assert document.text == "text"
    assert waits == [0.2, 0.4, 0.8, 1.6]


@pytest.mark.parametrize("failures", [1, 2, 5])
def test_a_jsonl_file_goes_on_at_the_line_where_reading_broke(
    tmp_path: Path, failures: int
) -> None:
    lines = "".join(f'{{"id": {n}, "text": "t{n}"}}\n' for n in range(50))
    (_inbox(tmp_path) / "a.jsonl").write_text("\ufeff" + lines)
    access = ShakyFiles(errno.ESTALE, read=failures)
    documents = read(job_for(tmp_path, format="jsonl"), access=access, sleep=lambda _: None)
    assert [(d.item_id, d.text) for d in documents] == [(f"{n}", f"t{n}") for n in range(50)]
    assert all(d.problem is None for d in documents)
    assert documents[-1].source == "a.jsonl#line=50"


@pytest.mark.parametrize("operation", ["list", "stat", "open", "read"])
@pytest.mark.parametrize("format", ["text", "jsonl"])
def test_a_store_that_stays_away_stops_the_batch(
    tmp_path: Path, operation: str, format: str
) -> None:
    (_inbox(tmp_path) / "a").write_text('{"id": 1, "text": "x"}\n' * 9)
    access = ShakyFiles(errno.ETIMEDOUT, **{operation: 10**9})
    with pytest.raises(IntakeError, match="Nothing has been sent"):
        read(job_for(tmp_path, format=format), access=access, sleep=lambda _: None)


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOENT, errno.EPERM])
def test_what_does_not_pass_is_not_waited_for(tmp_path: Path, code: int) -> None:
    (_inbox(tmp_path) / "a.txt").write_text("text")
    waits: list[float] = []
    for format in ("text", "csv", "jsonl", "parquet"):
        job = job_for(tmp_path, format=format)
        document = only(read(job, access=ShakyFiles(code, open=1), sleep=waits.append))
        assert (document.item_id, reason(document), waits) == ("a.txt", "unreadable", [])


def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path) -> None:
    inbox = _inbox(tmp_path)
    with pytest.raises(IntakeError, match="cannot be listed: Permission denied") as caught:
        read(job_for(tmp_path), access=ShakyFiles(errno.EACCES, list=1))
    assert str(inbox) in str(caught.value)


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (OSError(errno.EIO, ""), True),
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (BlockingIOError(errno.EAGAIN, ""), True),
        (FileNotFoundError(errno.ENOENT, ""), False),
        (PermissionError(errno.EACCES, ""), False),
        (OSError(errno.ENAMETOOLONG, ""), False),
        (ValueError(), False),
    ],
)
def test_passing_errors_are_known_by_their_kind(error: Exception, passing: bool) -> None:
    assert is_passing(error) is passing


def test_other_exceptions_come_through_at_once() -> None:
    def broken() -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        Retry(lambda _: None)(broken)
