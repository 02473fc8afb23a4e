"""Parquet: each row is one item, and damage costs no more than the row group it is in."""

from __future__ import annotations

import errno
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake import Document, read_documents, resolve_location

from .jobs import job_for, only, read, reason
from .test_retry import ShakyFiles

CONTENT = {"id": ["a", "b", "c"], "text": ["Hello", "you", "there"]}


def write(folder: Path, table: pa.Table | dict[str, Any], **given: Any) -> Path:
    """The file `inbox/orders.parquet`."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    path = inbox / "orders.parquet"
    pq.write_table(pa.table(table) if isinstance(table, dict) else table, path, **given)
    return path


def rows_of(folder: Path, table: pa.Table | dict[str, Any], **given: Any) -> list[Document]:
    """Documents of one Parquet file that holds `table`."""
    write(folder, table, row_group_size=2)
    return read(job_for(folder, format="parquet", **given))


def message(document: Document) -> str:
    assert document.problem is not None
    return document.problem.message


def test_a_row_is_an_item_with_its_source(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, CONTENT)
    assert [(d.item_id, d.text) for d in documents] == [
        ("a", "Hello"),
        ("b", "you"),
        ("c", "there"),
    ]
    assert [d.source for d in documents] == [f"orders.parquet#row={n}" for n in (1, 2, 3)]
    assert {(d.kind, d.raw, d.problem) for d in documents} == {("row", b"", None)}


def test_columns_are_those_the_job_names(tmp_path: Path) -> None:
    table = {
        "no": [2**60],
        "body": ["Hi"],
        "class": ["public"],
        "at": pa.array([1795357800123456789], pa.timestamp("ns", tz="Europe/Paris")),
        "nested": [{"list": [1, None], "day": date(2026, 11, 22)}],
        "sum": [Decimal("7.10")],
        "none": [None],
        "not": ["read"],
    }
    document = only(
        rows_of(
            tmp_path,
            table,
            id="no",
            text="body",
            attributes=["nested", "sum", "none", "at"],
            classification="class",
            updated_at="at",
        )
    )
    assert (document.item_id, document.text) == (str(2**60), "Hi")
    assert document.attributes == {
        "nested": '{"list":[1,null],"day":"2026-11-22"}',
        "sum": "7.10",
        "at": "2026-11-22T15:30:00.123456+01:00",
    }
    assert document.changed == datetime(2026, 11, 22, 14, 30, 0, 123456, UTC).timestamp()
    assert document.data_classification == "public"


def test_a_job_without_an_id_column_names_items_by_file_and_row(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, CONTENT, id=None)
    assert [d.item_id for d in documents] == [f"orders.parquet#row={n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
    ids=str,
)
def test_texts_of_every_kind_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    texts = ["é", "漢 " * 9, "é"]
    held: pa.Array = pa.array(texts)
    if pa.types.is_dictionary(kind):
        held = held.dictionary_encode()
    elif pa.types.is_large_binary(kind):
        held = pa.array([text.encode() for text in texts], kind)
    else:
        held = held.cast(kind)
    documents = rows_of(tmp_path, pa.table({"id": ["a", "b", "c"], "text": held}))
    assert [d.text for d in documents] == ["é", ("漢 " * 9).strip(), "é"]


@pytest.mark.parametrize("kind", [pa.int64(), pa.list_(pa.string()), pa.date32()], ids=str)
def test_a_text_column_that_holds_no_text_stops_the_batch(
    tmp_path: Path, kind: pa.DataType
) -> None:
    table = pa.table({"id": ["a"], "text": pa.array([None], kind)})
    with pytest.raises(IntakeError, match=r"in the column 'text', which input\.text names"):
        rows_of(tmp_path, table)


def test_nulls_are_problems_of_their_rows(tmp_path: Path) -> None:
    table = {"id": ["a", None, "c"], "text": ["x", "y", None], "k": [None, "k", None]}
    documents = rows_of(tmp_path, table, attributes=["k"])
    assert [d.item_id for d in documents] == ["a", "orders.parquet#row=2", "c"]
    assert [reason(d) for d in documents] == [None, "missing_id", "missing_text"]
    assert documents[1].raw == b'{"id":null,"text":"y","k":"k"}'
    assert "row 2 of 'orders.parquet' has no 'id'" in message(documents[1])
    assert {reason(d) for d in rows_of(tmp_path, {"id": ["a"], "text": [None]})} == {"missing_text"}


@pytest.mark.parametrize("values", [[1.0, float("nan"), None], [True, False, None]])
def test_ids_of_a_strange_type_are_judged_one_by_one(tmp_path: Path, values: list[Any]) -> None:
    documents = rows_of(tmp_path, {"id": values, "text": ["x", "y", "z"]})
    first = None if values[0] == 1.0 and values[0] is not True else "missing_id"
    assert [reason(d) for d in documents] == [first, "missing_id", "missing_id"]


def test_a_repeated_id_is_an_item_of_its_own(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, {"id": ["a", "a"], "text": ["x", "y"]})
    assert [d.item_id for d in documents] == ["a", "a#row=2"]
    assert documents[1].raw == b'{"id":"a","text":"y"}'


def test_a_text_that_is_not_utf8_costs_its_row_only(tmp_path: Path) -> None:
    broken = pa.array([b"good", b"caf\xe9", b"fine"], pa.binary()).view(pa.string())
    table = pa.table({"id": ["a", "b", "c"], "text": broken, "k": broken})
    documents = rows_of(tmp_path, table)
    assert [(d.item_id, d.text) for d in documents] == [("a", "good"), ("b", ""), ("c", "fine")]
    assert reason(documents[1]) == "undecodable"
    assert b"caf" in documents[1].raw
    by_attribute = rows_of(tmp_path, table.set_column(1, "text", [["x"] * 3]), attributes=["k"])
    assert [reason(d) for d in by_attribute] == [None, "undecodable", None]


def test_a_missing_column_stops_the_batch_and_says_which_are_there(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        rows_of(tmp_path, {"id": ["a"], "Text": ["wordy"]})
    assert str(caught.value) == (
        "'orders.parquet' has no column 'text', which input.text names (there are id, Text; did "
        "you mean 'Text'?). Correct job.yaml or the source, then run the batch again"
    )


def test_a_file_without_rows_has_no_items(tmp_path: Path) -> None:
    assert rows_of(tmp_path, pa.table({"id": pa.array([], "string"), "text": []})) == []


@pytest.mark.parametrize("content", [b"", b"PAR1", b"id,text\n1,wordy\n", b"PAR1" * 99, b"\0" * 99])
def test_a_file_that_is_no_parquet_is_one_item(tmp_path: Path, content: bytes) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.parquet").write_bytes(content)
    write(tmp_path, CONTENT)
    broken, *others = read(job_for(tmp_path, format="parquet"))
    assert (broken.item_id, reason(broken), broken.kind) == ("a.parquet", "unreadable", "parquet")
    assert "'a.parquet' is not a Parquet file that can be read" in message(broken)
    assert "wordy" not in message(broken)
    assert [d.item_id for d in others] == ["a", "b", "c"]


@pytest.mark.parametrize("cut", [1, 9, 100])
def test_a_file_cut_short_is_one_item(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, CONTENT)
    path.write_bytes(path.read_bytes()[:-cut])
    document = only(read(job_for(tmp_path, format="parquet")))
    assert (document.item_id, reason(document)) == ("orders.parquet", "unreadable")


def test_a_damaged_row_group_is_one_item_and_the_next_one_is_read(tmp_path: Path) -> None:
    rows = range(30)
    table = {"id": [f"{n}" for n in rows], "text": [f"text {n} " * 50 for n in rows]}
    path = write(tmp_path, table, row_group_size=10, compression="zstd")
    group = pq.read_metadata(path).row_group(1).column(1)
    content = bytearray(path.read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    end = start + group.total_compressed_size
    content[start + 20 : end] = b"\xff" * (end - start - 20)
    path.write_bytes(content)
    documents = read(job_for(tmp_path, format="parquet"))
    good = [d.item_id for d in documents if d.problem is None]
    assert good == [f"{n}" for n in rows if not 10 <= n < 20]
    broken = next(d for d in documents if d.problem is not None)
    assert (broken.item_id, reason(broken)) == ("orders.parquet#row=11", "unreadable")
    assert "rows 11 to 20 of 'orders.parquet' cannot be read" in message(broken)


@pytest.mark.parametrize("failures", [1, 2, 5])
@pytest.mark.parametrize("operation", ["open", "read", "stat"])
def test_a_store_that_fails_now_and_then_is_waited_for(
    tmp_path: Path, operation: str, failures: int
) -> None:
    write(tmp_path, CONTENT, row_group_size=1)
    access = ShakyFiles(errno.EIO, **{operation: failures})
    documents = read(job_for(tmp_path, format="parquet"), access=access, sleep=lambda _: None)
    assert [d.item_id for d in documents] == ["a", "b", "c"]


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_a_store_that_fails_in_the_middle_stops_the_batch_or_ends_the_file(
    tmp_path: Path, code: int
) -> None:
    write(tmp_path, CONTENT, row_group_size=1)
    job = job_for(tmp_path, format="parquet")
    access = ShakyFiles(code)
    location = resolve_location(job, "b1", tmp_path)
    documents = read_documents(job, location, access=access, sleep=lambda _: None)
    assert next(documents).item_id == "a"
    access.failures["read"] = 10**9
    if code == errno.EIO:
        with pytest.raises(IntakeError, match=r"'orders\.parquet' cannot be read"):
            list(documents)
    else:
        assert [reason(d) for d in documents] == ["unreadable"]


def test_a_file_deleted_between_listing_and_reading_is_an_item(tmp_path: Path) -> None:
    path = write(tmp_path, CONTENT)
    path.rename(path.with_name("b.parquet"))
    write(tmp_path, CONTENT)
    path.rename(path.with_name("a.parquet"))
    job = job_for(tmp_path, format="parquet", id=None)
    documents = read_documents(job, resolve_location(job, "b1", tmp_path))
    assert next(documents).item_id == "a.parquet#row=1"
    path.with_name("b.parquet").unlink()
    *_, gone = documents
    assert (gone.item_id, reason(gone)) == ("b.parquet", "unreadable")
    assert "No such file" in message(gone)


def test_few_long_rows_are_in_memory_at_a_time(tmp_path: Path) -> None:
    table = pa.table({"id": range(40), "text": [f"{n} " + "漢字 " * 150_000 for n in range(40)]})
    # A page for each: what is compressed together can only be had together.
    pq.write_table(table, tmp_path / "long.parquet", write_batch_size=1, data_page_size=1 << 20)
    del table
    job = job_for(tmp_path, path="long.parquet", format="parquet")
    pa.default_memory_pool().release_unused()
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    most = found = 0
    for document in read_documents(job, resolve_location(job, "b1", tmp_path)):
        most = max(most, pa.total_allocated_bytes() - before)
        found += document.problem is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 40
    # The texts have 1.05 MB each.
    assert most < 12_000_000
    assert peak < 20_000_000


def test_a_long_text_that_many_rows_share_is_in_memory_once(tmp_path: Path) -> None:
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), ["x" * 600_000])
    table = pa.table({"id": range(10_000), "text": shared})
    pq.write_table(table, tmp_path / "same.parquet", store_schema=False)
    del table, shared
    job = job_for(tmp_path, path="same.parquet", format="parquet")
    location = resolve_location(job, "b1", tmp_path)
    before = pa.total_allocated_bytes()
    documents = islice(read_documents(job, location), 300)
    most = max(pa.total_allocated_bytes() - before for d in documents if len(d.text) == 600_000)
    assert most < 30_000_000


def test_texts_of_a_type_made_of_strings_are_read(tmp_path: Path) -> None:
    table = pa.table({"id": ["a"], "text": pa.array(['{"a": 1}'], pa.json_())})
    assert [d.text for d in rows_of(tmp_path, table)] == ['{"a": 1}']


def test_ten_times_the_rows_take_no_more_than_their_names(tmp_path: Path) -> None:
    peaks = {}
    for size in (2_000, 20_000):
        rows = range(size)
        table = pa.table({"id": rows, "text": [f"{n} " + "word " * 40 for n in rows]})
        pq.write_table(table, tmp_path / f"{size}.parquet", row_group_size=5_000)
        job = job_for(tmp_path, path=f"{size}.parquet", format="parquet")
        tracemalloc.start()
        assert (
            sum(
                document.problem is None
                for document in read_documents(job, resolve_location(job, "b1", tmp_path))
            )
            == size
        )
        peaks[size] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[20_000] - peaks[2_000] < 18_000 * 22 + 1_000_000
