"""Extract: the text of one file, by what kind of file it is.

Chooses the reading; how a page, a mail, a PDF or a Word document is read is in `html.py`,
`mail.py` and `office.py`. A new kind of file gets its line here.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from .document import Extract, Problem
from .encoding import decode
from .html import HTML_KINDS, page_text
from .mail import mail_text

Reading = Callable[[bytes, str, str], Extract | Problem]
"""From the bytes, the name for messages and the job's encoding."""


def extract(raw: bytes, kind: str, name: str, encoding: str) -> Extract | Problem:
    """The text of a file of this kind, or what is wrong with it. Never raises for what is in it.

    encoding: the job's `input.encoding`.
    """
    reading = _reading(kind)
    try:
        return reading(raw, name, encoding)
    except UnicodeDecodeError as error:
        return _undecodable(name, raw, error, encoding)


def _reading(kind: str) -> Reading:
    if kind in HTML_KINDS:
        return page_text
    if kind == "eml":
        return mail_text
    if kind in ("pdf", "docx"):
        from . import office

        return office.pdf_text if kind == "pdf" else office.docx_text
    return _plain


def _plain(raw: bytes, _: str, encoding: str) -> Extract:
    return Extract(decode(raw, encoding))


def _undecodable(name: str, raw: bytes, error: UnicodeDecodeError, encoding: str) -> Problem:
    place = f"{error.reason} at byte offset {error.start}"
    if encoding != "auto":
        message = f"{name!r} is not {encoding}: {place}; correct input.encoding, or save it so"
    elif raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        message = f"{name!r} begins like UTF-16 but is not: {place}; save it as UTF-8"
    else:
        message = (
            f"{name!r} is no text: {place}, and no other character set fits; save it as UTF-8, "
            "or leave it out by input.glob"
        )
    return Problem("undecodable", message)
