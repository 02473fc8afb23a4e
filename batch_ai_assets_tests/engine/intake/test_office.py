"""PDF and Word documents are read page by page and line by line; what has no text says so."""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from pathlib import Path

import docx
import pypdf
import pytest
from docx.oxml import parse_xml

from batch_ai_assets.engine.intake import office
from batch_ai_assets.engine.intake.document import Document

from .jobs import job_for, only, read, reason


def _read(tmp_path: Path, name: str, content: bytes) -> Document:
    (tmp_path / "inbox").mkdir(exist_ok=True)
    (tmp_path / "inbox" / name).write_bytes(content)
    return only(read(job_for(tmp_path)))


def _pdf(*pages: bytes) -> bytes:
    """A PDF with one content stream a page."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, stream in enumerate(pages):
        parts.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * number)
        )
        packed = zlib.compress(stream)
        parts.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
        )
    body, places = b"%PDF-1.7\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    return body + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF" % (size, table, size, len(body))
    )


def _written(text: str) -> bytes:
    return b"BT /F1 12 Tf 50 700 Td (%s) Tj ET" % text.encode("cp1252")


def _encrypted(content: bytes, user: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    writer.encrypt(user_password=user, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_the_pages_of_a_pdf_are_read_in_order_and_counted(tmp_path: Path) -> None:
    document = _read(tmp_path, "a.pdf", _pdf(_written("Premier é"), b"", _written("Third")))
    assert (document.text, document.pages, document.kind) == ("Premier é\n\nThird", 3, "pdf")


def test_a_pdf_that_anybody_may_open_is_read_although_it_is_encrypted(tmp_path: Path) -> None:
    document = _read(tmp_path, "a.pdf", _encrypted(_pdf(_written("Open")), user=""))
    assert document.text == "Open"


def test_an_encrypted_pdf_has_no_text(tmp_path: Path) -> None:
    content = _encrypted(_pdf(_written("Closed")), user="secret")
    document = _read(tmp_path, "a.pdf", content)
    assert document.problem is not None
    assert (document.problem.reason, document.raw) == ("no_text", content)
    assert "encrypted" in document.problem.message


def test_a_scanned_pdf_has_no_text_and_says_how_many_pages(tmp_path: Path) -> None:
    document = _read(tmp_path, "a.pdf", _pdf(b"0 0 m 9 9 l S", b""))
    assert document.problem is not None
    assert document.problem.reason == "no_text"
    assert "2 pages without text" in document.problem.message


@pytest.mark.parametrize("name", ["a.pdf", "a.docx"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no such thing",
        b"PK\x03\x04 cut",
        b"%PDF-1.7\n%%EOF",
        _pdf(_written("x"))[:200],
        bytes(range(256)) * 10,
    ],
)
def test_what_is_no_document_is_unreadable(tmp_path: Path, name: str, content: bytes) -> None:
    document = _read(tmp_path, name, content)
    assert document.problem is not None
    assert document.problem.reason == "unreadable"
    assert repr(name) in document.problem.message


def test_a_pdf_that_unfolds_to_gigabytes_is_refused(tmp_path: Path) -> None:
    document = _read(tmp_path, "a.pdf", _pdf(b" " * 100_000_000))
    assert reason(document) == "unreadable"


def test_a_pdf_whose_pages_lead_back_to_themselves_ends(tmp_path: Path) -> None:
    content = _pdf(_written("x")).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]")
    assert reason(_read(tmp_path, "a.pdf", content)) in ("unreadable", "no_text")


def _docx(document: docx.document.Document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _rezipped(content: bytes, **changed: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            new.writestr(
                name, changed.get(name.rpartition("/")[2].partition(".")[0], old.read(name))
            )
    return out.getvalue()


def _contract() -> docx.document.Document:
    made = docx.Document()
    made.add_heading("Contract", 1)
    made.add_paragraph("Between us\tand you")
    table = made.add_table(2, 2)
    for place, word in enumerate(("Item", "Price", "Lamp", "5")):
        table.cell(place // 2, place % 2).text = word
    made.add_paragraph("The end")
    return made


def test_a_word_document_is_read_in_order_with_its_tables(tmp_path: Path) -> None:
    document = _read(tmp_path, "a.docx", _docx(_contract()))
    expected = "Contract\nBetween us\tand you\nItem\tPrice\nLamp\t5\nThe end"
    assert (document.text, document.kind) == (expected, "docx")


def test_a_table_within_a_table_is_read_once(tmp_path: Path) -> None:
    made = docx.Document()
    outer = made.add_table(1, 2)
    outer.cell(0, 0).text = "left"
    inner = outer.cell(0, 1).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "inner", "cell"
    assert _read(tmp_path, "a.docx", _docx(made)).text.split() == ["left", "inner", "cell"]


def test_the_pages_that_word_counted_are_kept(tmp_path: Path) -> None:
    app = b"<Properties xmlns='x'><TotalTime>9</TotalTime><Pages>12</Pages></Properties>"
    document = _read(tmp_path, "a.docx", _rezipped(_docx(_contract()), app=app))
    assert (document.pages, document.problem) == (12, None)


def test_text_in_content_controls_is_read_and_deleted_text_is_not(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_paragraph("before")
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    made.element.body.insert(
        1,
        parse_xml(
            f"<w:sdt xmlns:w='{word}'><w:sdtContent><w:p><w:ins><w:r><w:t>kept</w:t></w:r></w:ins>"
            "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p></w:sdtContent></w:sdt>"
        ),
    )
    assert _read(tmp_path, "a.docx", _docx(made)).text == "before\nkept"


def test_a_word_document_of_pictures_has_no_text(tmp_path: Path) -> None:
    assert reason(_read(tmp_path, "a.docx", _docx(docx.Document()))) == "no_text"


def test_an_encrypted_word_document_has_no_text(tmp_path: Path) -> None:
    content = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    assert reason(_read(tmp_path, "a.docx", content)) == "no_text"


def test_a_word_document_that_unfolds_beyond_the_bound_is_refused_folded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _docx(_contract())
    monkeypatch.setattr(office, "MOST_XML", 1_000_000)
    bomb = _read(tmp_path, "a.docx", _rezipped(whole, document=b" " * 2_000_000))
    monkeypatch.setattr(office, "MOST_UNFOLDED", 10_000)
    large = _read(tmp_path, "a.docx", whole)
    assert [reason(bomb), reason(large)] == ["unreadable", "unreadable"]
    assert bomb.problem is not None
    assert "2,000,000 bytes of markup" in bomb.problem.message


def test_entities_that_grow_are_not_unfolded(tmp_path: Path) -> None:
    laughs = b"<!ENTITY a0 'ha'>" + b"".join(
        b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    word = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = b"<!DOCTYPE d [%s]><w:document xmlns:w='%s'><w:body><w:p><w:r><w:t>&a9;</w:t></w:r></w:p>"
    xml = xml % (laughs, word) + b"</w:body></w:document>"
    document = _read(tmp_path, "a.docx", _rezipped(_docx(_contract()), document=xml))
    assert reason(document) in ("unreadable", "no_text")


@pytest.mark.parametrize(("name", "library"), [("a.pdf", "pypdf"), ("a.docx", "docx")])
def test_without_the_extra_the_problem_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    document = _read(tmp_path, name, _pdf(_written("x")))
    assert document.problem is not None
    assert document.problem.reason == "unreadable"
    assert "pip install batch-ai-assets[documents]" in document.problem.message
