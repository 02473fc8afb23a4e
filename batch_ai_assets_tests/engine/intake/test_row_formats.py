"""Whatever a writer of rows wrote is read back, in whatever pieces the store hands it out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.intake import Document
from batch_ai_assets.engine.intake.access import LocalFiles, access_to
from batch_ai_assets.engine.intake.cleaning import is_blank
from batch_ai_assets.engine.intake.csv_rows import read_csv
from batch_ai_assets.engine.intake.location import InputLocation
from batch_ai_assets.engine.intake.retry import Retry
from batch_ai_assets.engine.intake.rows_count import count_rows

from .jobs import job_for, read

KEPT_AS_IT_IS: dict[str, Any] = {"clean": []}


class _Dribbling:
    """A file that hands out a few bytes at a time, as sockets do."""

    def __init__(self, file: BinaryIO, sizes: Iterator[int]) -> None:
        self._file = file
        self._sizes = sizes

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, next(self._sizes)))

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def close(self) -> None:
        self._file.close()


class DribblingFiles(LocalFiles):
    def __init__(self, size: int) -> None:
        self._size = size

    def open(self, path: str) -> BinaryIO:
        held = _Dribbling(super().open(path), iter(lambda: self._size, 0))
        return held  # type: ignore[return-value]


cells = st.text(
    st.one_of(st.sampled_from(list("\"',;\r\n\t ab0é漢")), st.characters(codec="utf-8")),
    max_size=8,
)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8)
)


@settings(max_examples=150, deadline=None)
@given(
    tables,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.integers(1, 40),
)
def test_whatever_a_csv_writer_wrote_is_read_back(
    rows: list[list[str]], end: str, delimiter: str, quoting: Any, encoding: str, size: int
) -> None:
    width = len(rows[0]) if rows else 2
    # That writer leaves line ends other than its own bare in a text; those are line ends as well.
    quoting = quoting if end == "\r\n" else csv.QUOTE_ALL
    held = io.StringIO()
    writer = csv.writer(held, delimiter=delimiter, lineterminator=end, quoting=quoting)
    names = ["text", *(f"k{n}" for n in range(1, width))]
    writer.writerows([names, *rows])
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.csv").write_bytes(held.getvalue().encode(encoding))
        spec = job_for(
            Path(folder),
            format="csv",
            id=None,
            attributes=names[1:],
            delimiter=delimiter,
            encoding="auto" if encoding != "utf-32" else encoding,
        ).spec.input
        items = list(
            read_csv(spec, InputLocation(folder, "a.csv"), DribblingFiles(size), Retry(_never))
        )
    assert [item.problem for item in items] == [None] * len(rows)
    assert [item.text for item in items] == [row[0] for row in rows]
    assert [item.name for item in items] == [f"a.csv#row={n}" for n in range(1, len(rows) + 1)]


def _never(_: float) -> None:
    raise AssertionError("nothing is to be waited for")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
                "text": st.none() | st.text(st.characters(codec="utf-8")),
                "k": st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
            }
        ),
        max_size=9,
    ),
    st.integers(1, 4),
    st.sampled_from(["snappy", "zstd", "none"]),
    st.booleans(),
)
def test_whatever_a_parquet_writer_wrote_is_read_back(
    rows: list[dict[str, str | None]], group: int, compression: str, dictionary: bool
) -> None:
    schema = pa.schema({"id": pa.string(), "text": pa.string(), "k": pa.string()})
    with TemporaryDirectory() as folder:
        (Path(folder) / "inbox").mkdir()
        pq.write_table(
            pa.Table.from_pylist(rows, schema=schema),
            Path(folder) / "inbox" / "a.parquet",
            row_group_size=group,
            compression=compression,
            use_dictionary=dictionary,
        )
        job = job_for(Path(folder), format="parquet", attributes=["k"], **KEPT_AS_IT_IS)
        documents = read(job)
    assert len(documents) == len(rows)
    assert len({d.item_id for d in documents}) == len(rows)
    for number, (document, row) in enumerate(zip(documents, rows, strict=True), 1):
        assert document.source == f"a.parquet#row={number}"
        if document.problem is None:
            assert (document.item_id, document.text) == (row["id"], row["text"])
        else:
            text, name = row["text"], row["id"]
            assert (
                text is None
                or is_blank(text)
                or not (name or "").strip()
                or ("\0" in (name or "") or sum(r["id"] == name for r in rows) > 1)
            )


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("\"',\n\r ab1é"), max_size=60), st.sampled_from(["id", None]))
def test_every_line_of_any_csv_is_in_one_item_and_reads_alike_twice(
    content: str, name: str | None
) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "inbox").mkdir()
        whole = "id,text\n1,a\n2,b\n" + content
        (Path(folder) / "inbox" / "a.csv").write_bytes(whole.encode())
        job = job_for(Path(folder), format="csv", id=name)
        documents, again = read(job), read(job)
        spec, location = job.spec.input, InputLocation(f"{folder}/inbox", "a.csv")
        items = list(read_csv(spec, location, LocalFiles(), Retry(_never)))
    assert documents == again
    assert len({d.item_id for d in documents}) == len(documents) == len(items)
    kept = b"".join(item.raw for item in items if isinstance(item.raw, bytes)).decode()
    assert "".join(kept.split()) == "".join(whole.removeprefix("id,text\n").split())


def _as_rows(format: str, folder: Path, records: list[dict[str, str]]) -> list[Document]:
    inbox = folder / format
    inbox.mkdir()
    path = inbox / "a"
    match format:
        case "csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(records[0]))
                writer.writeheader()
                writer.writerows(records)
        case "jsonl":
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        case _:
            pq.write_table(pa.Table.from_pylist(records), path)
    job = job_for(folder, path=format, format=format, attributes=["k"], updated_at="at")
    return read(job)


def test_the_same_rows_make_the_same_documents_in_every_format(tmp_path: Path) -> None:
    records = [
        {"id": f"n{n}", "text": f"Hello, {n}\nyou", "k": "é", "at": f"2026-11-{n:02}"}
        for n in range(1, 29)
    ]
    found = {
        format: [
            (d.item_id, d.text, d.attributes, d.kind, d.changed, d.problem)
            for d in _as_rows(format, tmp_path, records)
        ]
        for format in ("csv", "jsonl", "parquet")
    }
    assert found["csv"] == found["jsonl"] == found["parquet"]
    assert len(found["csv"]) == 28


def test_parquet_is_read_through_a_url(tmp_path: Path) -> None:
    url = f"memory://rows-of-{tmp_path.name}"
    table = pa.table({"id": [1, 2, 3], "text": ["a", "b", "c"]})
    with fsspec.open(f"{url}/a.parquet", "wb") as file:
        pq.write_table(table, file, row_group_size=2)
    documents = read(job_for(tmp_path, path=url, format="parquet"))
    assert [(d.item_id, d.text) for d in documents] == [("1", "a"), ("2", "b"), ("3", "c")]
    assert count_rows("parquet", f"{url}/a.parquet", access_to(url)) == 3


@pytest.mark.parametrize("name", ["banking77/train.csv", "clinc150_oos/train.csv"])
def test_real_tables_are_read_whole(real_data: Path, tmp_path: Path, name: str) -> None:
    with (real_data / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    documents = read(job_for(tmp_path, path=str(real_data / name), format="csv"))
    assert [d.problem for d in documents] == [None] * len(rows)
    assert [(d.item_id, d.text.split()) for d in documents] == [
        (row["id"], row["text"].split()) for row in rows
    ]
