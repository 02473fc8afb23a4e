"""HTML: the text that a page shows, as a reader would see it, without markup.

The title comes first; scripts, styles and the rest of the head are gone; blocks are lines, list
items have their bullets, the cells of a row stand on one line with a tab between them. Broken pages
are read as browsers read them.
"""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from .document import Extract
from .encoding import decode

if TYPE_CHECKING:
    from inscriptis.html_engine import HtmlDocumentState
    from inscriptis.model.config import ParserConfig

HTML_KINDS = frozenset({"html", "htm", "xhtml"})

_HEAD_BYTES = 4096
_DECLARED = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]+encoding\s*=\s*["']([\w:.-]+)""",
    re.I,
)
_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg"})
_BLOCKS = frozenset(
    "address article aside blockquote body br dd div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr li main nav ol option p pre section table title tr ul".split()
)
_MOST_DEPTH = 200
"""Elements within each other that the layout is asked to follow; it calls itself for each."""
_MOST_LAID_OUT = 8 * 1024 * 1024
"""Characters of a page that are laid out; a larger one is read line by line."""


def page_text(raw: bytes, _: str, encoding: str) -> Extract:
    """The text of an HTML file. Raises UnicodeDecodeError."""
    return Extract(html_text(decode(raw, encoding, _declared(raw))), plain=True)


def html_text(page: str) -> str:
    """The text that `page` shows. Never raises, whatever is in it."""
    if "<" not in page and "&" not in page:
        return page
    text = _laid_out(page) if len(page) <= _MOST_LAID_OUT else None
    return _line_by_line(page) if text is None else text


def _declared(raw: bytes) -> str | None:
    found = _DECLARED.search(raw, 0, _HEAD_BYTES)
    return (found[1] or found[2]).decode("ascii") if found else None


def _laid_out(page: str) -> str | None:
    """The page as lines of text; None where it is too deep or too odd for a layout."""
    from inscriptis.html_engine import Inscriptis
    from lxml import etree
    from lxml.html import HTMLParser as PageParser
    from lxml.html import document_fromstring

    try:
        # From bytes, because a string with a declared encoding is refused; without the comments
        # and instructions, which show nothing.
        parser = PageParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        tree = document_fromstring(page.encode("utf-8", "replace"), parser=parser)
        if _is_deep(tree):
            return None
        title = " ".join((tree.findtext(".//title") or "").split())
        text = str(Inscriptis(tree, _layout()).get_text())
    except (etree.LxmlError, ValueError, RecursionError, AttributeError, IndexError, TypeError):
        return None
    return f"{title}\n\n{text}" if title else text


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
    for tag in (*_UNSEEN, "head", "title"):
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


def _line_by_line(page: str) -> str:
    """The text between the tags, blocks as lines: in time and memory as long as the page."""
    reader = _Lines()
    reader.feed(page)
    reader.close()
    return reader.text()


class _Lines(HTMLParser):
    """Collects text as it comes, without a tree."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._unseen = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if not self._unseen and tag in _UNSEEN:
            self._unseen = tag
        elif tag in _BLOCKS:
            self._parts.append("\n")
        elif tag in ("td", "th"):
            self._parts.append("\t")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._unseen:
            self._unseen = ""
        elif tag in _BLOCKS:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._parts.append(re.sub(r"\s+", " ", data))

    def text(self) -> str:
        lines = (line.strip() for line in "".join(self._parts).split("\n"))
        return "\n".join(line for line in lines if line)
