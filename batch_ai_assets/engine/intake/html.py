"""HTML: the text that a page shows, as a reader would see it, without markup.

The title comes first; scripts, styles and the rest of the head are gone; blocks are lines, list
items have their bullets, the cells of a row stand on one line with a tab between them. Broken pages
are read as browsers read them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from .document import Extract
from .encoding import decode
from .tags import UNSEEN, lines_between_tags

if TYPE_CHECKING:
    from inscriptis.html_engine import HtmlDocumentState
    from inscriptis.model.config import ParserConfig

HTML_KINDS = frozenset({"html", "htm", "xhtml"})

_HEAD_BYTES = 4096
_DECLARED = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]+encoding\s*=\s*["']([\w:.-]+)""",
    re.I,
)
_LONG_TAG = re.compile(r"<[A-Za-z][^<>]{10000,}")
_MOST_ATTRIBUTES = 1000
_AT_LINE_END = re.compile(r"[ \t]+\n|[ \t]+\Z")
_MOST_DEPTH = 200
"""Elements within each other that the layout is asked to follow; it calls itself for each."""
_MOST_LAID_OUT = 8_000_000
"""Bytes of a page that are laid out. The parser drops a text of 10 MB, and does not say so."""


def page_text(raw: bytes, _: str, encoding: str) -> Extract:
    """The text of an HTML file. Raises UnicodeDecodeError."""
    return Extract(html_text(decode(raw, encoding, _declared(raw))), plain=True)


def html_text(page: str) -> str:
    """The text that `page` shows. Never raises, whatever is in it."""
    if "<" not in page and "&" not in page:
        return page
    text = _laid_out(page.replace("\0", ""))
    if text is None or not text.strip():
        text = lines_between_tags(page)
    return _AT_LINE_END.sub("\n", text).strip("\n")


def _declared(raw: bytes) -> str | None:
    found = _DECLARED.search(raw, 0, _HEAD_BYTES)
    return (found[1] or found[2]).decode("ascii") if found else None


def _laid_out(page: str) -> str | None:
    """The page as lines of text; None where it is too large, deep or odd for a layout."""
    from inscriptis.html_engine import Inscriptis
    from lxml import etree
    from lxml.html import HTMLParser as PageParser
    from lxml.html import document_fromstring

    # As bytes, because a string that declares a character set is refused.
    content = page.encode("utf-8", "replace")
    if len(content) > _MOST_LAID_OUT or _is_odd(page):
        return None
    try:
        parser = PageParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        tree = document_fromstring(content, parser=parser)
        if _is_deep(tree):
            return None
        title = " ".join((tree.findtext(".//title") or "").split())
        text = str(Inscriptis(tree, _layout()).get_text())
    except (etree.LxmlError, ValueError, RecursionError, AttributeError, IndexError, TypeError):
        return None
    return f"{title}\n\n{text}" if title else text


def _is_odd(page: str) -> bool:
    """Whether a tag has so many attributes that the parser would not come to an end with them."""
    return any(len(tag[0].split()) > _MOST_ATTRIBUTES for tag in _LONG_TAG.finditer(page))


def _is_deep(tree: object) -> bool:
    """Whether elements lie within each other further than is sound; the parser cuts there too."""
    from lxml import etree

    depth = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _MOST_DEPTH:
            return True
    return False


@cache
def _layout() -> ParserConfig:
    from inscriptis.css_profiles import STRICT_CSS_PROFILE
    from inscriptis.html_properties import Display
    from inscriptis.model.config import ParserConfig
    from inscriptis.model.html_element import HtmlElement
    from inscriptis.model.tag import CustomHtmlTagHandlerMapping

    css = dict(STRICT_CSS_PROFILE)
    for tag in (*UNSEEN, "head", "title"):
        css[tag] = HtmlElement(display=Display.none)
    for tag in ("table", "tr", "section", "form", "fieldset", "dl", "dt", "dd", "hr", "option"):
        css[tag] = HtmlElement(display=Display.block)
    # Not the library's own tables: they pad every cell to the widest of its column, and a page
    # that is laid out by tables grows to many times its size.
    start = {"table": _nothing, "tr": _nothing, "td": _cell_start, "th": _cell_start}
    end = {"table": _end, "td": _cell_end, "th": _cell_end}
    return ParserConfig(
        css=css, custom_html_tag_handler_mapping=CustomHtmlTagHandlerMapping(start, end)
    )


def _nothing(state: HtmlDocumentState, _: object) -> None:
    """A row and a table are blocks, and nothing more."""


def _end(state: HtmlDocumentState) -> None:
    """As above."""


def _cell_start(state: HtmlDocumentState, _: object) -> None:
    """Nothing stands before a cell; what parts it from the next follows it."""


def _cell_end(state: HtmlDocumentState) -> None:
    from inscriptis.html_properties import WhiteSpace

    if not state.tags[-1].canvas.current_block.is_empty():
        state.tags[-1].canvas.write(state.tags[-1], "\t", WhiteSpace.pre)
