"""JSONL: each line is one item, a broken one included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake import read_documents, resolve_location
from batch_ai_assets.engine.intake.admission import MAX_ITEM_BYTES

from .jobs import job_for, only, read, read_lines_of, reason

GOOD = b'{"id": "a", "text": "Hello"}\n'


def test_a_line_is_an_item_with_its_source(tmp_path: Path) -> None:
    document = only(read_lines_of(tmp_path, b'{"id": "a", "text": " Hello\\r\\nyou "}\n'))
    assert (document.item_id, document.text) == ("a", "Hello\nyou")
    assert (document.source, document.raw, document.problem) == ("orders.jsonl#line=1", b"", None)


def test_fields_are_those_the_job_names(tmp_path: Path) -> None:
    line = (
        b'{"no": 7, "body": "Hi", "n": 1.5, "t": true, "l": [1, "\xc3\xa9"], "z": null, "s": "x"}'
    )
    document = only(
        read_lines_of(
            tmp_path, line, id="no", text="body", attributes=["n", "t", "l", "z", "s", "m"]
        )
    )
    assert document.item_id == "7"
    assert document.text == "Hi"
    assert document.attributes == {"n": "1.5", "t": "true", "l": '[1,"é"]', "s": "x"}


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"\n", b"\r\n", b"\n\n  \n"])
def test_line_ends_and_blank_lines_are_no_items(tmp_path: Path, ending: bytes, last: bytes) -> None:
    lines = [b'{"id": 1, "text": "a"}', b"", b'{"id": 2, "text": "b"}']
    documents = read_lines_of(tmp_path, ending.join(lines) + last)
    assert [d.source for d in documents] == ["orders.jsonl#line=1", "orders.jsonl#line=3"]
    assert [reason(d) for d in documents] == [None, None]


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    assert reason(only(read_lines_of(tmp_path, b"\xef\xbb\xbf" + GOOD))) is None
    assert read_lines_of(tmp_path, b"\xef\xbb\xbf\n") == []
    assert read_lines_of(tmp_path, b"\xef\xbb\xbf") == []


def test_an_empty_file_has_no_items(tmp_path: Path) -> None:
    assert read_lines_of(tmp_path, b"") == []


@pytest.mark.parametrize(
    "broken",
    [
        b'{"id": "a", "text": "wordy',
        b"wordy",
        b'{"id": "a", "text": "wordy"} wordy',
        b'{"id": "a", "text": NaN}',
        b'{"id": "a", "text": "wordy\x00"}',
        b'{"id": "a", "text": "\\ud800"}',
        b'["wordy"]',
        b'"wordy"',
        b"17",
        b"null",
        b"true",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_a_broken_line_is_an_item_named_by_file_and_line(tmp_path: Path, broken: bytes) -> None:
    first, document, last = read_lines_of(
        tmp_path, GOOD + broken + b"\n" + b'{"id": "z", "text": "Bye"}'
    )
    assert (reason(first), reason(last)) == (None, None)
    assert document.item_id == document.source == "orders.jsonl#line=2"
    assert document.problem is not None
    assert document.problem.reason == "unreadable"
    assert "line 2 of 'orders.jsonl'" in document.problem.message
    assert "wordy" not in document.problem.message
    assert document.raw == broken + b"\n"


def test_a_line_that_is_not_utf8_is_undecodable_with_its_offset(tmp_path: Path) -> None:
    document = only(read_lines_of(tmp_path, b'{"id": "a", "text": "caf\xe9"}\n'))
    assert document.problem is not None
    assert document.problem.reason == "undecodable"
    assert "byte offset 24 of the line" in document.problem.message


@pytest.mark.parametrize(
    "value",
    ["", "  ", None, True, [], {}, "a\0b", 1e300, 123456789012345678901234567890, "x" * 1025],
)
def test_a_line_without_a_usable_id_is_named_by_its_place(tmp_path: Path, value: object) -> None:
    line = json.dumps({"id": value, "text": "Hello"}).encode()
    document = only(read_lines_of(tmp_path, line))
    assert (document.item_id, reason(document)) == ("orders.jsonl#line=1", "missing_id")
    assert document.raw == line


def test_a_line_without_the_id_field_says_which_field_and_key(tmp_path: Path) -> None:
    document = only(read_lines_of(tmp_path, b'{"text": "Hello"}', id="no"))
    assert document.problem is not None
    assert "has no 'no', which input.id names" in document.problem.message


@pytest.mark.parametrize(
    ("value", "name"),
    [(7, "7"), (-1, "-1"), (1.5, "1.5"), (2**64 - 1, str(2**64 - 1)), (" a", " a")],
)
def test_numbers_become_strings_and_strings_stay(tmp_path: Path, value: object, name: str) -> None:
    document = only(read_lines_of(tmp_path, json.dumps({"id": value, "text": "x"}).encode()))
    assert (document.item_id, reason(document)) == (name, None)


@pytest.mark.parametrize("value", [None, 7, True, [], {"text": "x"}])
def test_a_text_that_is_no_string_is_missing(tmp_path: Path, value: object) -> None:
    document = only(read_lines_of(tmp_path, json.dumps({"id": "a", "text": value}).encode()))
    assert (document.item_id, reason(document)) == ("a", "missing_text")


def test_a_line_without_the_text_field_keeps_its_id(tmp_path: Path) -> None:
    document = only(read_lines_of(tmp_path, b'{"id": "a"}'))
    assert (document.item_id, reason(document)) == ("a", "missing_text")


@pytest.mark.parametrize("text", ["", " \\n", "\\u0000", "\\u200b"])
def test_a_blank_text_is_empty(tmp_path: Path, text: str) -> None:
    document = only(read_lines_of(tmp_path, f'{{"id": "a", "text": "{text}"}}'.encode()))
    assert (document.item_id, reason(document)) == ("a", "empty_text")


def test_nul_in_a_text_or_an_attribute_is_cleaned_away(tmp_path: Path) -> None:
    line = b'{"id": "a", "text": "He\\u0000llo", "k": "v\\u0000w"}'
    document = only(read_lines_of(tmp_path, line, attributes=["k"]))
    assert (document.text, document.attributes) == ("Hello", {"k": "vw"})


def test_a_repeated_id_is_an_item_of_its_own(tmp_path: Path) -> None:
    line = b'{"id": "a", "text": "x"}\n'
    documents = read_lines_of(tmp_path, line * 3)
    assert [d.item_id for d in documents] == ["a", "a#line=2", "a#line=3"]
    assert [reason(d) for d in documents] == [None, "duplicate_id", "duplicate_id"]
    assert [d.raw for d in documents] == [b"", line, line]


def test_names_stay_unique_where_an_id_looks_like_one_of_ours(tmp_path: Path) -> None:
    ids = ["a#line=2", "a", "a", "a#line=2", "orders.jsonl#line=6", "orders.jsonl#line=6"]
    lines = [json.dumps({"id": name, "text": "x"}).encode() for name in ids]
    documents = read_lines_of(tmp_path, b"\n".join([*lines, b"broken"]))
    assert len({d.item_id for d in documents}) == len(documents)
    assert [reason(d) for d in documents][-1] == "unreadable"


def test_ids_are_unique_over_all_files_of_a_folder(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "sub").mkdir(parents=True)
    for name in ("b.jsonl", "a.jsonl", "sub/c.jsonl", "notes.txt"):
        (inbox / name).write_bytes(b'{"id": "a", "text": "x"}\n')
    documents = read(job_for(tmp_path, format="jsonl", glob="**/*.jsonl"))
    assert [d.source for d in documents] == [
        "a.jsonl#line=1",
        "b.jsonl#line=1",
        "sub/c.jsonl#line=1",
    ]
    assert [d.item_id for d in documents] == ["a", "a#line=1", "a#sub/c.jsonl#line=1"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("public", None), ("Internal ", None), ("", None), (None, None)]
    + [(value, "classified_above_job") for value in ("confidential", "restricted", "odd", 3, [])],
)
def test_an_item_classed_above_its_job_is_refused(
    tmp_path: Path, value: object, expected: str | None
) -> None:
    line = json.dumps({"id": "a", "text": "Hello", "class": value, "k": "v"}).encode()
    document = only(read_lines_of(tmp_path, line, classification="class", attributes=["k"]))
    assert reason(document) == expected
    assert bool(document.text) == bool(document.attributes) == (expected is None)
    assert document.raw == (line if expected else b"")


def test_a_word_that_is_no_data_class_may_be_a_document_and_is_not_repeated(tmp_path: Path) -> None:
    line = b'{"id": "a", "text": "Hello", "class": "a private letter"}'
    document = only(read_lines_of(tmp_path, line, classification="class"))
    assert document.problem is not None
    assert "names a data class that is none of public, internal" in document.problem.message
    assert document.data_classification == "unknown"


def test_an_item_keeps_its_own_class(tmp_path: Path) -> None:
    line = b'{"id": "a", "text": "Hello", "class": "public"}'
    document = only(read_lines_of(tmp_path, line, classification="class"))
    assert document.data_classification == "public"


def test_a_document_of_5_mb_is_read_whole_whatever_its_escapes(tmp_path: Path) -> None:
    text = "é漢" * 1_000_000
    document = only(read_lines_of(tmp_path, json.dumps({"id": "a", "text": text}).encode()))
    assert document.text == text


def test_a_line_above_the_bound_is_refused_and_the_next_one_is_read(tmp_path: Path) -> None:
    with (tmp_path / "orders.jsonl").open("wb") as file:
        file.write(GOOD)
        for _ in range(2 * MAX_ITEM_BYTES // (1 << 20) + 1):
            file.write(b"x" * (1 << 20))
        file.write(b'\n{"id": "z", "text": "Bye"}')
    documents = read(job_for(tmp_path, path="orders.jsonl", format="jsonl"))
    assert [d.item_id for d in documents] == ["a", "orders.jsonl#line=2", "z"]
    assert documents[1].problem is not None
    assert "bytes long" in documents[1].problem.message
    assert documents[1].raw == b""


def test_an_attribute_nested_too_deeply_is_a_problem(tmp_path: Path) -> None:
    line = b'{"id": "a", "text": "x", "k": ' + b"[" * 900 + b"]" * 900 + b"}"
    assert reason(only(read_lines_of(tmp_path, line, attributes=["k"]))) == "unreadable"
    assert reason(only(read_lines_of(tmp_path, line))) is None


@pytest.mark.parametrize("name", ["a b", "a'b\"c", "line\nbreak", "Ωμέγα 文書", "../../etc", "😀"])
def test_odd_ids_stay_as_they_are(tmp_path: Path, name: str) -> None:
    document = only(read_lines_of(tmp_path, json.dumps({"id": name, "text": "x"}).encode()))
    assert (document.item_id, reason(document)) == (name, None)


def test_a_file_deleted_between_listing_and_reading_is_an_item_with_its_reason(
    tmp_path: Path,
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name in ("a", "b", "c"):
        (inbox / f"{name}.jsonl").write_bytes(GOOD.replace(b'"a"', f'"{name}"'.encode()))
    job = job_for(tmp_path, format="jsonl")
    documents = read_documents(job, resolve_location(job, "b1", tmp_path))
    assert next(documents).item_id == "a"
    (inbox / "b.jsonl").unlink()
    gone, last = documents
    assert (gone.item_id, reason(gone), gone.kind) == ("b.jsonl", "unreadable", "jsonl")
    assert gone.problem is not None
    assert "No such file" in gone.problem.message
    assert last.item_id == "c"


def test_a_link_that_leaves_the_folder_is_an_item_that_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_bytes(GOOD)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "x.jsonl").symlink_to("../secret.jsonl")
    document = only(read(job_for(tmp_path, format="jsonl")))
    assert (document.item_id, reason(document)) == ("x.jsonl", "unreadable")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="does not exist"):
        read(job_for(tmp_path, path="orders.jsonl", format="jsonl"))


def test_a_job_without_an_id_field_names_items_by_file_and_line(tmp_path: Path) -> None:
    documents = read_lines_of(tmp_path, b'{"text": "x"}\n\n{"text": "y"}\n', id=None)
    assert [d.item_id for d in documents] == ["orders.jsonl#line=1", "orders.jsonl#line=3"]
    assert {d.kind for d in documents} == {"row"}


def test_an_instant_is_kept_and_a_broken_one_is_a_problem(tmp_path: Path) -> None:
    lines = b'{"id": 1, "text": "x", "at": 1795305600}\n{"id": 2, "text": "x", "at": "wordy"}\n'
    kept, broken = read_lines_of(tmp_path, lines, updated_at="at")
    assert (kept.changed, reason(kept)) == (1795305600.0, None)
    assert (broken.item_id, reason(broken)) == ("2", "unreadable")
