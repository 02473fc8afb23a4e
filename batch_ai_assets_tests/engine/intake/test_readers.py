"""Whatever is put in, every input comes out as one document with a name of its own."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.intake import Document, read_documents, resolve_location
from batch_ai_assets.engine.intake.cleaning import cleaner
from batch_ai_assets.engine.intake.seen import SeenNames
from batch_ai_assets.engine.spec.input import DEFAULT_CLEANING

from .jobs import job_for, read, read_lines_of

clean = cleaner(DEFAULT_CLEANING)

ids = st.one_of(
    st.sampled_from(["a", "a#line=2", "a#2", "orders.jsonl#line=1", "orders.jsonl#line=3"]),
    st.text(max_size=5),
    st.integers(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)
records = st.fixed_dictionaries(
    {},
    optional={
        "id": ids,
        "text": st.one_of(st.text(), st.integers(), st.none()),
        "class": st.sampled_from(["public", "internal", "restricted", "", None]),
        "k": st.one_of(st.text(), st.integers(), st.lists(st.text())),
    },
)
lines = st.one_of(
    records.map(lambda record: json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")),
    st.binary(max_size=30).map(lambda content: content.replace(b"\n", b"")),
)


def _assert_sound(documents: list[Document]) -> None:
    """What holds of every batch."""
    assert len({document.item_id for document in documents}) == len(documents)
    assert len({document.source for document in documents}) == len(documents)
    for document in documents:
        assert document.item_id
        if document.problem is None:
            assert document.text
            assert document.text == clean(document.text)
            assert document.raw == b""
        else:
            assert document.text == ""
            assert document.problem.message


@settings(max_examples=200)
@given(st.lists(lines, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_every_line_that_is_not_blank_is_one_document(
    content: list[bytes], ending: bytes, ends: bool
) -> None:
    whole = ending.join(content) + (ending if ends else b"")
    with TemporaryDirectory() as folder:
        given_fields = {"attributes": ["k"], "classification": "class"}
        documents = read_lines_of(Path(folder), whole, **given_fields)
        again = read_lines_of(Path(folder), whole, **given_fields)
    numbers = [
        number
        for number, line in enumerate(whole.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
        if line.strip()
    ]
    assert [document.source for document in documents] == [
        f"orders.jsonl#line={number}" for number in numbers
    ]
    _assert_sound(documents)
    assert again == documents


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda name: not name.startswith((".", "_")))


@settings(max_examples=100)
@given(st.dictionaries(names, st.binary(max_size=30), max_size=8))
def test_every_file_is_one_document(content: dict[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        inbox = Path(folder) / "inbox"
        inbox.mkdir()
        for name, held in content.items():
            (inbox / name).write_bytes(held)
        files = len(list(inbox.iterdir()))
        documents = read(job_for(Path(folder)))
    assert len(documents) == files
    assert len({document.item_id for document in documents}) == files
    for document in documents:
        assert bool(document.text) == (document.problem is None)


@given(st.lists(st.text(st.characters(), max_size=3)))
def test_seen_names_answer_as_a_set_does(given_names: list[str]) -> None:
    seen, expected = SeenNames(), set[str]()
    for name in given_names:
        assert seen.add(name) == (name not in expected)
        expected.add(name)


def test_a_million_names_take_about_twenty_bytes_each() -> None:
    tracemalloc.start()
    seen = SeenNames()
    assert all(seen.add(f"item-{number}") for number in range(200_000))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 8 MB once for 65,536 buckets, then the names.
    assert held < 8_000_000 + 200_000 * 22
    assert not seen.add("item-7")


def _peak(documents: Iterator[Document]) -> tuple[int, int]:
    """Documents read, and bytes at the peak of reading them."""
    tracemalloc.start()
    try:
        number = sum(1 for _ in documents)
        return number, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_lines_take_no_more_than_their_names(tmp_path: Path) -> None:
    peaks = {}
    for size in (6_000, 60_000):
        with (tmp_path / f"{size}.jsonl").open("w") as file:
            for number in range(size):
                file.write(f'{{"id": {number}, "text": "{"word " * 40}{number}"}}\n')
        job = job_for(tmp_path, path=f"{size}.jsonl", format="jsonl")
        read_so_far, peaks[size] = _peak(read_documents(job, resolve_location(job, "b1", tmp_path)))
        assert read_so_far == size
    # Held whole, the larger file would take 12 MB more.
    assert peaks[60_000] - peaks[6_000] < 54_000 * 22 + 2_000_000
    assert peaks[60_000] < 11_000_000


@pytest.mark.parametrize("format", ["text", "jsonl"])
def test_reading_starts_before_the_end_is_known(tmp_path: Path, format: str) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a").write_text('{"id": 1, "text": "x"}\n')
    (inbox / "b").write_text('{"id": 2, "text": "x"}\n')
    job = job_for(tmp_path, format=format)
    documents = read_documents(job, resolve_location(job, "b1", tmp_path))
    assert next(documents).problem is None
    (inbox / "b").write_text('{"id": 3, "text": "x"}\n')
    assert next(documents).item_id == ("3" if format == "jsonl" else "b")
