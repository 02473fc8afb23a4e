"""Rows are counted without being read, near enough for a threshold."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_ai_assets.engine.intake.access import LocalFiles
from batch_ai_assets.engine.intake.rows_count import count_rows
from batch_ai_assets.engine.spec.input import Format

from .test_retry import ShakyFiles


@pytest.mark.parametrize(
    ("format", "content", "rows"),
    [
        ("jsonl", b"", 0),
        ("jsonl", b"{}", 1),
        ("jsonl", b"{}\n{}\n", 2),
        ("jsonl", b"{}\n{}", 2),
        ("csv", b"", 0),
        ("csv", b"id,text\n", 0),
        ("csv", b"id,text\r\n1,a\r\n2,b", 2),
        ("csv", b"id,text\r1,a\r2,b\r", 2),
        ("csv", "id,text\n1,a\n2,b\n".encode("utf-16-le"), 2),
        ("text", b"a\nb\nc\n", 1),
        ("parquet", b"", 1),
        ("parquet", b"no parquet", 1),
    ],
)
def test_rows_are_counted_by_their_ends(
    tmp_path: Path, format: Format, content: bytes, rows: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert count_rows(format, str(path), LocalFiles()) == rows


def test_parquet_says_its_number_itself(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": range(12_345)}), tmp_path / "file")
    assert count_rows("parquet", str(tmp_path / "file"), LocalFiles()) == 12_345


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_file_that_is_gone_counts_as_the_one_item_it_ends_as(
    tmp_path: Path, format: Format
) -> None:
    assert count_rows(format, str(tmp_path / "gone"), LocalFiles()) == 1


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_store_that_does_not_answer_is_told(tmp_path: Path, format: Format) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OSError, match="out"):
        count_rows(format, str(tmp_path / "file"), ShakyFiles(errno.ETIMEDOUT, open=1))
