"""Tags: the text between the tags of a page, without a tree and without a layout.

For pages that no layout comes to an end with: one walk from the first sign to the last, in time
and memory as long as the page, whatever is in it. What a page shows is read in `html.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

UNSEEN = frozenset({"script", "style", "template", "noscript", "svg"})
"""What stands in these is not shown."""

_BLOCKS = frozenset(
    "address article aside blockquote body br dd div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr li main nav ol option p pre section table title tr ul".split()
)
_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9:-]*)")
_SIGN = re.compile(r"[>\"']")
_WHITE = re.compile(r"\s+")


def lines_between_tags(page: str) -> str:
    """The text of `page`, a line for each block."""
    lines = "".join(_pieces(page)).split("\n")
    return "\n".join(line for line in map(str.strip, lines) if line)


def _pieces(page: str) -> Iterator[str]:
    """Text, and what stands in place of the tags between it."""
    at = 0
    while (tag := page.find("<", at)) >= 0:
        yield _words(page[at:tag])
        name = _NAME.match(page, tag + 1)
        if name is not None:
            word = name[1].lower()
            at = _behind_tag(page, name.end())
            yield "\n" if word in _BLOCKS else "\t" if word in ("td", "th") else ""
            if word in UNSEEN and page[tag + 1] != "/":
                at = _behind(page, f"</{word}", at, fold=True)
        elif page.startswith("<!--", tag):
            at = _behind(page, "-->", tag + 4)
        elif page.startswith(("<!", "<?", "</"), tag):
            at = _behind(page, ">", tag + 2)
        else:
            yield "<"
            at = tag + 1
    yield _words(page[at:])


def _words(text: str) -> str:
    return _WHITE.sub(" ", unescape(text)) if text else ""


def _behind(page: str, end: str, at: int, *, fold: bool = False) -> int:
    """The place behind `end`; that of the page's end where it does not come, as browsers have it.

    fold: whatever the case; the closing tag itself is left to be read.
    """
    if fold:
        found = re.compile(re.escape(end), re.I).search(page, at)
        return found.start() if found else len(page)
    place = page.find(end, at)
    return place + len(end) if place >= 0 else len(page)


def _behind_tag(page: str, at: int) -> int:
    """The place behind the tag; a `>` within quotes does not end it."""
    while sign := _SIGN.search(page, at):
        if sign[0] == ">":
            return sign.end()
        closing = page.find(sign[0], sign.end())
        if closing < 0:
            return _behind(page, ">", sign.end())
        at = closing + 1
    return len(page)
