"""CSV: each row is one item, a broken one included, and a broken one takes no others with it."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake import Document, read_documents, resolve_location
from batch_ai_assets.engine.intake.admission import MAX_ITEM_BYTES
from batch_ai_assets.engine.intake.csv_parse import CsvParse, CsvRow
from batch_ai_assets.engine.intake.lines import Line

from .jobs import job_for, only, read, reason


def rows_of(folder: Path, content: bytes | str, **given: Any) -> list[Document]:
    """Documents of one CSV file `inbox/orders.csv` that holds `content`."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    held = content if isinstance(content, bytes) else content.encode()
    (inbox / "orders.csv").write_bytes(held)
    return read(job_for(folder, format="csv", **given))


def texts(documents: list[Document]) -> dict[str, str | None]:
    """The text of each item, None where it has a problem."""
    return {d.item_id: None if d.problem else d.text for d in documents}


def message(document: Document) -> str:
    assert document.problem is not None
    return document.problem.message


def test_a_row_is_an_item_with_its_source(tmp_path: Path) -> None:
    document = only(rows_of(tmp_path, 'id,text,city\n7," Hello, ""you""\r\nthere ",Oslo\n'))
    assert (document.item_id, document.text) == ("7", 'Hello, "you"\nthere')
    assert (document.source, document.kind) == ("orders.csv#row=1", "row")
    assert (document.raw, document.problem, document.attributes) == (b"", None, {})


def test_columns_are_those_the_job_names_in_any_order(tmp_path: Path) -> None:
    content = "when,body,class,no,city\n2026-11-22,Hi,public,7, Oslo\n"
    document = only(
        rows_of(
            tmp_path,
            content,
            id="no",
            text="body",
            attributes=["city"],
            classification="class",
            updated_at="when",
        )
    )
    assert (document.item_id, document.text, document.attributes) == ("7", "Hi", {"city": " Oslo"})
    assert (document.data_classification, document.changed) == ("public", 1795305600.0)


def test_a_job_without_an_id_column_names_items_by_file_and_row(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, "text\none\n\ntwo\n", id=None)
    assert texts(documents) == {"orders.csv#row=1": "one", "orders.csv#row=2": "two"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_any_line_end_will_do_and_blank_lines_are_no_rows(
    tmp_path: Path, end: str, last: bool
) -> None:
    content = end.join(["id,text", "1,a", "", "   ", '2,"b', 'c"', "3,d"]) + end * last
    assert texts(rows_of(tmp_path, content)) == {"1": "a", "2": "b\nc", "3": "d"}


def test_line_ends_are_found_where_two_reads_part_them(tmp_path: Path) -> None:
    for length in range(1 << 18, (1 << 18) - 12, -1):
        text = "x" * (length - len("id,text\r\n1,"))
        documents = rows_of(tmp_path, f'id,text\r\n1,{text}\r\n2,"b\r\nc"\r\n')
        assert texts(documents) == {"1": text, "2": "b\nc"}
        assert [d.source for d in documents] == ["orders.csv#row=1", "orders.csv#row=2"]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "auto"),
        ("utf-8-sig", "auto"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "auto"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("shift_jis", "shift_jis"),
        ("gb18030", "gb18030"),
    ],
)
def test_character_sets_with_and_without_a_mark(tmp_path: Path, encoding: str, named: str) -> None:
    word = "文書" if encoding in ("shift_jis", "gb18030") else "café"
    content = f'id,text\r\n1,"{word}\r\n{word}"\r\n2,{word}\r\n'.encode(encoding)
    documents = rows_of(tmp_path, content, encoding=named)
    assert texts(documents) == {"1": f"{word}\n{word}", "2": word}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le", "gb18030"])
def test_what_is_no_text_costs_its_row_only(tmp_path: Path, encoding: str) -> None:
    bad = {"utf-8": b"\xe9", "cp1252": b"\x81", "utf-16-le": b"\x00\xd8", "gb18030": b"\xff"}
    lines = ["id,text\n1,a\n2,", "x\n3,c\n"]
    content = bad[encoding].join(line.encode(encoding) for line in lines)
    first, broken, last = rows_of(tmp_path, content, encoding=encoding)
    assert (first.text, last.text, last.source) == ("a", "c", "orders.csv#row=3")
    assert (broken.item_id, reason(broken)) == ("orders.csv#row=2", "undecodable")
    assert "row 2 (line 3) of 'orders.csv'" in message(broken)
    assert broken.raw


@pytest.mark.parametrize("encoding", ["rot13", "base64"])
def test_a_codec_that_is_no_character_set_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ValueError, match="is not a character set; write auto"):
        rows_of(tmp_path, "id,text\n1,a\n", encoding=encoding)


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "é"])
def test_another_delimiter(tmp_path: Path, delimiter: str) -> None:
    content = f'id{delimiter}text\n1{delimiter}"a{delimiter}b"\n2{delimiter}c,d\n'
    documents = rows_of(tmp_path, content, delimiter=delimiter)
    assert texts(documents) == {"1": f"a{delimiter}b", "2": "c,d"}


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r"])
def test_a_delimiter_that_parts_nothing_is_refused(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(IntakeError, match=r"input\.delimiter .* cannot stand between columns"):
        rows_of(tmp_path, "id,text\n", delimiter=delimiter)


def test_the_wrong_delimiter_is_named_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"separated by ';': set input\.delimiter"):
        rows_of(tmp_path, "id;text\n1;a\n")


@pytest.mark.parametrize("content", ["", "\n", "\n \r\n", "\ufeffid,text", "id,text\n", "\ufeff"])
def test_a_file_without_rows_has_no_items(tmp_path: Path, content: str) -> None:
    assert rows_of(tmp_path, content) == []


def test_a_missing_column_stops_the_batch_and_says_which_are_there(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        rows_of(tmp_path, "id, Texts ,city\n1,wordy,Oslo\n")
    assert str(caught.value) == (
        "'orders.csv' has no column 'text', which input.text names (there are id, Texts, city; "
        "did you mean 'Texts'?). Correct job.yaml or the source, then run the batch again"
    )


def test_a_document_in_place_of_column_names_is_not_shown(tmp_path: Path) -> None:
    for line in ("1,wordy", "17,18", "x,the wordy answer of a customer to us", "x1,a wordy one"):
        with pytest.raises(IntakeError, match="do not look like names") as caught:
            rows_of(tmp_path, f"{line}\n2,more\n")
        assert "wordy" not in str(caught.value)


@pytest.mark.parametrize("field", ["attributes", "classification", "updated_at", "id"])
def test_every_column_the_job_names_must_be_there(tmp_path: Path, field: str) -> None:
    given: Any = ["extra"] if field == "attributes" else "extra"
    with pytest.raises(IntakeError, match=rf"no column 'extra', which input\.{field} names"):
        rows_of(tmp_path, "id,text\n1,a\n", **{field: given})


def test_a_column_that_is_there_twice_is_refused_only_where_it_is_needed(tmp_path: Path) -> None:
    assert texts(rows_of(tmp_path, "id,text,x,x,,\n1,a,b,c,,\n")) == {"1": "a"}
    with pytest.raises(IntakeError, match=r"has 2 columns named 'text', which input\.text names"):
        rows_of(tmp_path, "id,text,text\n1,a,b\n")


@pytest.mark.parametrize("row", ["2", "2,b,c", "2,b,", ",,"])
def test_a_row_of_another_length_is_a_problem_of_its_own(tmp_path: Path, row: str) -> None:
    first, broken, last = rows_of(tmp_path, f"id,text\n1,a\n{row}\n3,c\n")
    assert (first.text, last.text) == ("a", "c")
    assert (broken.item_id, reason(broken)) == ("orders.csv#row=2", "unreadable")
    columns = row.count(",") + 1
    assert f"row 2 (line 3) of 'orders.csv' has {columns} columns and the header 2" in (
        message(broken)
    )
    assert broken.raw == f"{row}\n".encode()


def test_a_row_without_a_usable_id_or_text_keeps_its_place(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, "id,text\n,a\n2,\n3, \n")
    assert [d.item_id for d in documents] == ["orders.csv#row=1", "2", "3"]
    assert [reason(d) for d in documents] == ["missing_id", "empty_text", "empty_text"]


def test_a_repeated_id_is_an_item_of_its_own(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, "id,text\na,x\na,y\n")
    assert [(d.item_id, reason(d)) for d in documents] == [
        ("a", None),
        ("a#row=2", "duplicate_id"),
    ]
    assert documents[1].raw == b"a,y\n"


def test_an_instant_that_cannot_be_read_names_row_and_column(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, "id,text,at\n1,a,\n2,b,soon\n", updated_at="at")
    assert (documents[0].changed, reason(documents[0])) == (None, None)
    assert reason(documents[1]) == "unreadable"
    assert "row 2 (line 3) of 'orders.csv' has in 'at'" in message(documents[1])
    assert "soon" not in message(documents[1])


def test_an_unclosed_quote_costs_its_row_and_not_those_behind_it(tmp_path: Path) -> None:
    lines = [f'{n},"text {n}"' for n in range(1, 21)]
    lines[7] = '8,"wordy'
    documents = rows_of(tmp_path, "id,text\n" + "\n".join(lines) + "\n")
    assert len(documents) == 20
    broken = documents[7]
    assert (broken.item_id, broken.raw) == ("orders.csv#row=8", b'8,"wordy\n')
    assert message(broken).startswith(
        "row 8 (line 9) of 'orders.csv' has a quote that is not closed"
    )
    assert "wordy" not in message(broken)
    good = [n for n in range(1, 21) if n != 8]
    assert [d.item_id for d in documents if not d.problem] == [str(n) for n in good]


def test_an_unclosed_quote_without_another_behind_it_is_found_at_the_end(tmp_path: Path) -> None:
    lines = [f"{n},text {n}" for n in range(1, 21)]
    lines[7] = '8,"wordy'
    documents = rows_of(tmp_path, "id,text\n" + "\n".join(lines))
    assert [d.item_id for d in documents if d.problem] == ["orders.csv#row=8"]
    assert len(documents) == 20
    assert "opens a quote that is never closed" in message(documents[7])


def test_a_quote_that_a_later_row_seems_to_close_swallows_no_row(tmp_path: Path) -> None:
    content = 'id,text,x\n1,a,z\n2,"b,z\n3,c,z\n4,"",z\n5,", e",z\n6,f,z\n7,g,z\n'
    documents = rows_of(tmp_path, content)
    assert [d.item_id for d in documents] == ["1", "orders.csv#row=2", "3", "4", "5", "6", "7"]


def test_a_text_with_quotes_that_are_not_doubled_is_one_broken_row(tmp_path: Path) -> None:
    letter = 'Dear all, we\nsaid "no, thanks", and\n\nhello, world\nyours, us'
    content = f'id,text\nA-1,a\nA-2,"{letter}"\nA-3,c\nA-4,"d\ne"\n'
    documents = rows_of(tmp_path, content)
    assert texts(documents) == {"A-1": "a", "orders.csv#row=2": None, "A-3": "c", "A-4": "d\ne"}
    assert documents[1].raw == f'A-2,"{letter}"\n'.encode()
    assert "lines 3 to 7 were not read as rows" in message(documents[1])


def test_without_ids_three_rows_are_asked_for_before_reading_goes_on(tmp_path: Path) -> None:
    letter = 'Dear all, we\nsaid "no, thanks" and, so\nyours, us'
    rows = "".join(f"{n},k\n" for n in "abcdef")
    documents = rows_of(tmp_path, f'text,k\nx,k\n"{letter}",k\n{rows}', id=None)
    assert [d.text for d in documents if not d.problem] == ["x", *"abcdef"]
    assert [d.item_id for d in documents if d.problem] == ["orders.csv#row=2"]


def test_where_any_line_could_be_a_row_a_broken_one_ends_the_file(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, 'text\na\n"b "c\nd\ne\n', id=None)
    assert texts(documents) == {"orders.csv#row=1": "a", "orders.csv#row=2": None}
    assert "lines 3 to 5 (the end of the file) were not read as rows" in message(documents[1])
    assert documents[1].raw == b'"b "c\nd\ne\n'


def test_a_row_above_the_bound_is_refused_and_the_next_ones_are_read(tmp_path: Path) -> None:
    with (tmp_path / "orders.csv").open("wb") as file:
        file.write(b"id,text\n1,a\n2,")
        for _ in range(MAX_ITEM_BYTES // (1 << 20) + 1):
            file.write(b"x" * (1 << 20))
        file.write(b"\n3,c\n4,d\n")
    tracemalloc.start()
    documents = read(job_for(tmp_path, path="orders.csv", format="csv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [d.item_id for d in documents] == ["1", "orders.csv#row=2", "3", "4"]
    assert "is longer than" in message(documents[1])
    assert documents[1].raw == b""
    assert peak < 2.5 * MAX_ITEM_BYTES


def test_a_document_of_5_mb_is_read_whole(tmp_path: Path) -> None:
    text = ("é漢, " * 9 + "\n") * 90_000
    document = only(rows_of(tmp_path, f'id,text\n1,"{text}"\n'))
    assert document.text == text.strip()


@pytest.mark.parametrize("content", [b"PK\x03\x04\x00\x00\xff\xfe,\x00", b"id\x00\xff,text\n1,a\n"])
def test_a_file_that_is_no_text_is_one_item(tmp_path: Path, content: bytes) -> None:
    document = only(rows_of(tmp_path, content))
    assert (document.item_id, reason(document)) == ("orders.csv", "undecodable")
    assert (document.kind, document.raw) == ("csv", b"")


def test_a_broken_header_makes_the_file_one_item(tmp_path: Path) -> None:
    document = only(rows_of(tmp_path, 'id,"te"xt\n1,a\n2,b\n'))
    assert (document.item_id, reason(document)) == ("orders.csv", "unreadable")
    assert "no readable line of column names" in message(document)


def test_mixed_types_in_a_column_are_text(tmp_path: Path) -> None:
    documents = rows_of(tmp_path, "id,text\n1,7\n1.5,true\nx,1e9\n")
    assert texts(documents) == {"1": "7", "1.5": "true", "x": "1e9"}


def test_odd_files_and_ids_stay_as_they_are(tmp_path: Path) -> None:
    names = ["a b", "a'b", "two\nlines", "Ωμέγα 文書", "../../etc", "😀", 'say "x"']
    held = io.StringIO()
    csv.writer(held).writerows([["id", "text"], *([name, "x"] for name in names)])
    assert [d.item_id for d in rows_of(tmp_path, held.getvalue())] == names


def parsed(content: str, width: int, id_column: int | None = 0) -> list[CsvRow]:
    """The rows of `content` below its header."""
    lines = content.encode().splitlines(keepends=True)
    parse = CsvParse(
        (Line(number, line, len(line)) for number, line in enumerate(lines, 1)), ",", 1 << 20
    )
    parse.header()
    parse.begin(width, id_column)
    return list(parse.rows())


def test_a_file_made_to_be_searched_for_ever_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("batch_ai_assets.engine.intake.csv_parse._SEARCH_BYTES", 100_000)
    # Each line opens a quote that every later one closes and opens again.
    content = "id,text\n1,a\n" + 'x","y\n' * 20_000
    rows = parsed(content, 2)
    assert [row.number for row in rows] == [1, 2]
    assert rows[1].fault is not None
    assert "lines 3 to 20002 (the end of the file)" in rows[1].fault
    assert rows[1].raw == content.encode().partition(b"1,a\n")[2]


def test_every_line_behind_the_header_is_in_exactly_one_row() -> None:
    rows = ["1,a", '2,"b', "3,c", "4,d", '5,"e "e', "x, y", '6,"f\n\nf"', "7,g", "8,h,h", '9,"i']
    content = "\n".join(["id,text", *rows])
    found = parsed(content, 2)
    assert b"".join(row.raw for row in found) == content.partition("\n")[2].encode()
    assert [row.fields[0] for row in found if row.fault is None] == ["1", "3", "4", "6", "7"]
    assert [row.line for row in found if row.fault is not None] == [3, 6, 12, 13]


def _peak(job_folder: Path, name: str) -> tuple[int, int]:
    job = job_for(job_folder, path=name, format="csv")
    tracemalloc.start()
    try:
        documents = read_documents(job, resolve_location(job, "b1", job_folder))
        number = sum(1 for document in documents if document.problem is None)
        return number, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_rows_take_no_more_than_their_names(tmp_path: Path) -> None:
    peaks = {}
    for size in (2_000, 20_000):
        with (tmp_path / f"{size}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "text"])
            writer.writerows([n, f"{'word, ' * 40}\n{n}"] for n in range(size))
        found, peaks[size] = _peak(tmp_path, f"{size}.csv")
        assert found == size
    assert peaks[20_000] - peaks[2_000] < 18_000 * 22 + 1_000_000
