"""Cleaning: the steps a document's text goes through before anything else sees it.

Pure functions from text to text, composed once per job. The usual ones mend encoding noise only:
what a document says (markup, templates, instructions to a model) is data and stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from ..errors import SpecError
from .html import html_text

Clean = Callable[[str], str]

# All newline functions of Unicode (Technical Report 13), CRLF before CR. A page break that were
# merely removed would glue two words together.
_NEWLINES = ("\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029")
_C0_AND_DELETE = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_BLANKS = re.compile(r"[^\S\n]+")
_AT_LINE_ENDS = re.compile(r" ?\n ?")
_BLANK_LINES = re.compile(r"\n{3,}")
_SILENT = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


def newlines(text: str) -> str:
    r"""Every kind of line, paragraph or page break becomes `\n`."""
    for newline in _NEWLINES:
        text = text.replace(newline, "\n")
    return text


def control_characters(text: str) -> str:
    r"""Removes NUL and all other control characters but `\n` and `\t`."""
    # On the UTF-8 bytes, where no longer character holds these bytes: a tenth of a pattern's time.
    data = text.encode("utf-8", "surrogatepass")
    kept = data.translate(None, _C0_AND_DELETE)
    if b"\xc2" in kept:
        kept = _C1.sub(b"", kept)
    return text if len(kept) == len(data) else kept.decode("utf-8", "surrogatepass")


def nfc(text: str) -> str:
    """Unicode normal form C: one spelling for each accented letter."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def nfkc(text: str) -> str:
    """Unicode normal form KC: ligatures, full-width letters and the like become plain ones."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def html(text: str) -> str:
    """The text that a page or a piece of one shows, without its markup."""
    return html_text(text)


def spaces(text: str) -> str:
    """Runs of blanks and tabs become one blank, more than one blank line becomes one."""
    lines = _BLANKS.sub(" ", text)
    return _BLANK_LINES.sub("\n\n", _AT_LINE_ENDS.sub("\n", lines))


def strip(text: str) -> str:
    """Removes white space at both ends."""
    return text.strip()


STEPS: dict[str, Clean] = {
    "newlines": newlines,
    "control_characters": control_characters,
    "nfc": nfc,
    "nfkc": nfkc,
    "html": html,
    "spaces": spaces,
    "strip": strip,
}


def cleaner(steps: Sequence[str]) -> Clean:
    """The named steps as one function, in their order.

    Raises SpecError for a step that does not exist.
    """
    unknown = [step for step in steps if step not in STEPS]
    if unknown:
        raise SpecError(
            f"input.clean names {unknown[0]!r}, which is not a cleaning step; "
            f"use some of: {', '.join(STEPS)}"
        )
    chosen = tuple(STEPS[step] for step in steps)

    def clean(text: str) -> str:
        for step in chosen:
            text = step(text)
        return text

    return clean


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: white space, control and invisible characters only."""
    # Stops at the first visible character, so a normal document costs one look.
    return all(char.isspace() or unicodedata.category(char) in _SILENT for char in text)
