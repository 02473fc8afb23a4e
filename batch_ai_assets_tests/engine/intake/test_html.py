"""Pages are read as the text that they show, however broken or large they are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.intake.html import html_text
from batch_ai_assets.engine.intake.tags import lines_between_tags

from .jobs import job_for, only, read, reason

PAGE = """<!doctype html>
<html><head><title>Order 17</title><style>p { color: red }</style></head>
<body><script>let secret = "<p>no</p>";</script>
<h1>Where is it?</h1><!-- a note --><p>It should have <b>come</b> on Monday&nbsp;&mdash;
it did not.</p><ul><li>one lamp<li>two bulbs</ul>
<table><tr><th>Item</th><th>Price</th></tr><tr><td>Lamp</td><td>5 &lt; 6</td></tr></table>
</body></html>"""
SHOWN = """Order 17

Where is it?

It should have come on Monday — it did not.

  * one lamp
  * two bulbs
Item\tPrice
Lamp\t5 < 6"""


@pytest.mark.parametrize("name", ["page.html", "page.HTM", "page.xhtml"])
def test_a_page_is_read_as_what_it_shows(tmp_path: Path, name: str) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / name).write_text(PAGE)
    document = only(read(job_for(tmp_path)))
    assert document.text == SHOWN
    assert document.kind == name.partition(".")[2].lower()


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ('<META http-equiv=Content-Type content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="iso-8859-5"?>', "iso-8859-5"),
        ("<meta charset=shift_jis>", "shift_jis"),
        ("<meta charset=utf-8>", "utf-8"),
        ("<meta charset=latin-1>", "utf-8"),  # what is UTF-8 says so itself
        ("<meta charset=no-such-thing>", "utf-16"),
    ],
)
def test_the_character_set_that_a_page_declares_counts(
    tmp_path: Path, head: str, encoding: str
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.html").write_bytes(f"{head}<p>Привет, мир</p>".encode(encoding))
    assert only(read(job_for(tmp_path))).text == "Привет, мир"


def test_a_page_that_shows_nothing_is_empty(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.html").write_text("<html><script>x()</script><body> </body>")
    assert reason(only(read(job_for(tmp_path)))) == "empty_text"


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("", ""),
        ("no markup & none wanted", "no markup & none wanted"),
        ("a < b and c > d", "a < b and c > d"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("<b>bold <i>both</b> slanted</i>", "bold both slanted"),
        ("</div></p>text</table>", "text"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<pre>  keeps\n   blanks</pre>", "  keeps\n   blanks"),
        ("x<template>y</template><noscript>z</noscript>", "x"),
        ("<p title='a>b'>text", "text"),
        ("nul\0 in <b>it</b>", "nul in it"),
        ("<?xml version='1.0' encoding='utf-16'?><p>é</p>", "é"),
        ("<div><table><tr><td>in<table><tr><td>deeper</table><td>right</table></div>", None),
    ],
)
def test_broken_pages_are_read_as_browsers_read_them(page: str, shown: str | None) -> None:
    found = html_text(page)
    assert found == shown if shown is not None else found.split() == ["in", "deeper", "right"]


HUGE = {
    "paragraphs": "<p>word</p>" * 60_000,
    "elements within each other": "<div>" * 200_000 + "text",
    "tables within each other": "<table><tr><td>x" * 50_000,
    "a wide cell above many rows": f"<table><tr><td>{'x' * 10**6}<tr>" + "<tr><td>b</td>" * 10_000,
    "comments without an end": "text" + "<!--" * 500_000,
    "quotes without an end": "text" + "<a href='" * 300_000,
    "attributes": "text<p " + "".join(f"a{n}=1 " for n in range(150_000)) + ">",
    "marked sections": "text" + "<![CDATA[" * 200_000,
    "opening brackets": "<" * 1_000_000,
    "references": "&amp" * 500_000,
    "one text beyond what the parser keeps": "<p>" + "漢" * 4_000_000,
}


@pytest.mark.parametrize("name", HUGE)
def test_a_page_of_megabytes_costs_as_much_as_it_is_long(name: str) -> None:
    began = time.process_time()
    text = html_text(HUGE[name])
    # What is not linear takes minutes with these.
    assert time.process_time() - began < 30
    assert text.strip()
    assert len(text) <= 2 * len(HUGE[name])


def test_what_is_too_deep_for_a_layout_is_read_line_by_line() -> None:
    assert html_text("<div>" * 1000 + "one<p>two</p>" + "</div>" * 1000) == "one\ntwo"


@given(st.text(st.sampled_from("<>/!-?\"'=& abpscriptdv\n\0é;#x1[")))
def test_whatever_a_page_holds_some_text_comes_back(page: str) -> None:
    assert isinstance(html_text(page), str)
    assert isinstance(lines_between_tags(page), str)


@given(st.lists(st.text("ab é漢", min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_both_ways_of_reading_find_the_same_words(paragraphs: list[str]) -> None:
    page = "".join(f"<p class='x'>{text}</p><script>no</script>" for text in paragraphs)
    words = " ".join(paragraphs).split()
    assert html_text(page).split() == words
    assert lines_between_tags(page).split() == words


def test_the_step_html_takes_the_markup_out_of_rows_and_of_files_once(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.html").write_text("<p>Write &lt;b&gt; for bold</p>")
    (tmp_path / "inbox" / "b.txt").write_text("<p>Write &lt;b&gt; for bold</p>")
    documents = read(job_for(tmp_path, clean=["html", "strip"]))
    assert [document.text for document in documents] == ["Write <b> for bold"] * 2
