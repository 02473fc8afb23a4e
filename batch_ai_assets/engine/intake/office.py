"""PDF and Word documents as text. Their libraries are the extra `documents`.

Nothing is recognised in pictures: a scanned PDF has no text and says so. What an archive unfolds
to is bounded before it is unfolded.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from .document import Extract, Problem

if TYPE_CHECKING:
    from lxml.etree import _Element
    from pypdf import PdfReader

MOST_UNFOLDED = 256 * 1024 * 1024
"""Bytes of all parts of a Word document together."""
MOST_XML = 64 * 1024 * 1024
"""Bytes of its largest part that is text with markup."""
MOST_CHARACTERS = 32 * 1024 * 1024
"""Of text from one document."""
MOST_PAGES = 50_000

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PAGES = re.compile(rb"<(?:\w+:)?Pages>(\d{1,7})</")


def pdf_text(raw: bytes, name: str, _: str) -> Extract | Problem:
    """The pages of a PDF, a blank line between them."""
    try:
        import pypdf
    except ImportError:
        return _not_installed(name, "PDF")
    # It speaks of every small defect, at times quoting the document.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(BytesIO(raw), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return _encrypted(name)
        pages = len(reader.pages)
        if pages > MOST_PAGES:
            return _too_much(name, f"{pages:,} pages")
        texts = _texts_of_pages(reader)
    except RecursionError:
        return _broken(name, "PDF", "its parts lie within each other without end")
    except Exception as error:  # whatever a library says of a broken file
        return _broken(name, "PDF", type(error).__name__)
    if texts is None:
        return _too_much(name, f"more than {MOST_CHARACTERS:,} characters")
    text = "\n\n".join(filter(None, (page.strip() for page in texts)))
    if not text:
        message = (
            f"{name!r} has {pages} page{'' if pages == 1 else 's'} without text, as scans have; "
            "run text recognition on it first"
        )
        return Problem("no_text", message)
    return Extract(text, pages, plain=True)


def docx_text(raw: bytes, name: str, _: str) -> Extract | Problem:
    """The paragraphs and tables of a Word document, in order; the cells of a row on one line.

    Headers, footers, footnotes and what was deleted with changes tracked are not in it.
    """
    try:
        import docx
    except ImportError:
        return _not_installed(name, "Word")
    if raw.startswith(_OLE):
        return _encrypted(name)
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            unfolded = _unfolded(archive)
            pages = _pages(archive)
        if unfolded is not None:
            return _too_much(name, unfolded)
        body = docx.Document(BytesIO(raw)).element.body
        text = "\n".join(_lines(body)).strip()
    except Exception as error:  # whatever a library says of a broken file
        return _broken(name, "Word document", type(error).__name__)
    if not text:
        message = f"{name!r} holds no text, pictures at most; run text recognition on it first"
        return Problem("no_text", message)
    return Extract(text, pages, plain=True)


def _texts_of_pages(reader: PdfReader) -> list[str] | None:
    """The text of every page; None where it is beyond the bound."""
    texts: list[str] = []
    size = 0
    for page in reader.pages:
        texts.append(page.extract_text())
        size += len(texts[-1])
        if size > MOST_CHARACTERS:
            return None
    return texts


def _unfolded(archive: zipfile.ZipFile) -> str | None:
    """What is too much of the archive, in words; unfolding never gives more than it declares."""
    parts = archive.infolist()
    total = sum(part.file_size for part in parts)
    if total > MOST_UNFOLDED:
        return f"{total:,} bytes when unfolded"
    largest = max((p.file_size for p in parts if p.filename.endswith((".xml", ".rels"))), default=0)
    return f"{largest:,} bytes of markup" if largest > MOST_XML else None


def _pages(archive: zipfile.ZipFile) -> int | None:
    """How many pages the program that wrote it counted."""
    try:
        found = _PAGES.search(archive.read("docProps/app.xml"))
    except KeyError:
        return None
    return int(found[1]) if found else None


def _lines(body: _Element) -> Iterator[str]:
    """One line for each paragraph outside of tables and each row of a table."""
    for child in body:
        if child.tag == f"{_WORD}p":
            yield _words(child)
        elif child.tag == f"{_WORD}tr":
            yield "\t".join(" ".join(filter(None, _lines(cell))) for cell in _cells(child))
        elif child.tag not in (_FALLBACK, f"{_WORD}sectPr"):
            yield from _lines(child)


def _cells(row: _Element) -> Iterator[_Element]:
    """The cells of a row, also those within a content control; not those of a table in a cell."""
    for cell in row.iter(f"{_WORD}tc"):
        if next(cell.iterancestors(f"{_WORD}tr")) is row:
            yield cell


def _words(paragraph: _Element) -> str:
    """The text of a paragraph; of a text box in it as well, once."""
    parts: list[str] = []
    for node in paragraph.iter():
        if node.tag == f"{_WORD}t":
            if not any(above.tag == _FALLBACK for above in node.iterancestors(_FALLBACK)):
                parts.append(node.text or "")
        elif node.tag == f"{_WORD}tab":
            if node.getparent().tag == f"{_WORD}r":
                parts.append("\t")
        elif node.tag in (f"{_WORD}br", f"{_WORD}cr"):
            parts.append("\n")
        elif node.tag == f"{_WORD}p" and node is not paragraph:
            parts.append(" ")
    return "".join(parts)


def _not_installed(name: str, what: str) -> Problem:
    return Problem(
        "unreadable",
        f"{name!r} cannot be read, for no reader of {what} files is installed: "
        "pip install batch-ai-assets[documents], then run the batch with --reread",
    )


def _encrypted(name: str) -> Problem:
    return Problem("no_text", f"{name!r} is encrypted; save it without a password")


def _broken(name: str, what: str, why: str) -> Problem:
    return Problem("unreadable", f"{name!r} is no {what} that can be read ({why}); save it anew")


def _too_much(name: str, what: str) -> Problem:
    return Problem("unreadable", f"{name!r} holds {what}, which is too much; split it")
