"""The views of a completion record: complete, in order, escaped, and self-contained."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from batch_ai_assets.engine.figures import Conservation
from batch_ai_assets.engine.reporting import wording
from batch_ai_assets.engine.reporting.completion import CompletionRecord
from batch_ai_assets.engine.reporting.html import render_html
from batch_ai_assets.engine.reporting.links import Link
from batch_ai_assets.engine.reporting.markdown import render_markdown
from batch_ai_assets.engine.reporting.text import summary_lines
from batch_ai_assets.engine.validation.accuracy import CohortAccuracy
from batch_ai_assets.engine.validation.check_result import CheckResult

from .samples import GROUPS, RATES, SAVED, SHARDS, make_empty, make_halted, make_record

HOSTILE = "<script>alert(1)</script> | `x` {{ 7*7 }} [a](javascript:b) & \"'"
Make = Callable[[], CompletionRecord]


class Page(HTMLParser):
    """What a browser would make of the page: its tags, their order, and whether they close."""

    VOID = frozenset({"meta", "rect", "path", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.sections: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "section":
            self.sections.append(dict(attrs).get("id") or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def hostile_record() -> CompletionRecord:
    check = CheckResult("schema", False, "error", True, HOSTILE, HOSTILE, HOSTILE, HOSTILE, {})
    cohort = CohortAccuracy(HOSTILE, 1, 1, 1.0, 0.2, 1.0)
    return make_record(
        job=HOSTILE, batch=HOSTILE, message=HOSTILE, reason=HOSTILE, purpose=HOSTILE, who=HOSTILE,
        owner=HOSTILE, frozen_spec=HOSTILE, results_location=HOSTILE, next_step=HOSTILE,
        dead_by_reason={HOSTILE: 1}, checks=(check,), accuracy=(cohort,), model=HOSTILE,
    )  # fmt: skip


def test_the_page_shows_what_to_do_in_its_head_and_conservation_first() -> None:
    page = Page(render_html(make_record()))
    assert page.sections == [
        "conservation", "results", "cost", "time", "checks", "dead-letters", "accuracy",
        "origin", "spec",
    ]
    assert 'id="next">Next: ' in render_html(make_record())
    assert page.open == []


@pytest.mark.parametrize("make", [make_record, make_halted, make_empty, hostile_record])
def test_the_page_loads_nothing_from_anywhere_and_runs_nothing(make: Make) -> None:
    text = render_html(make())
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in {"src", "href"} or name[:2] == "on"]
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_a_report_leads_to_the_pages_that_it_is_given() -> None:
    links = (Link("run", "http://ui/runs/1"), Link("results", "http://ui/a?b=c&d=e"))
    page = Page(render_html(make_record(), links))
    assert [value for name, value in page.attributes if name == "href"] == [
        "http://ui/runs/1", "http://ui/a?b=c&d=e",
    ]  # fmt: skip
    assert page.open == []
    text = render_markdown(make_record(), links)
    assert "[run](http://ui/runs/1) · [results](http://ui/a?b=c&d=e)" in text


def test_nothing_in_a_record_becomes_markup_on_the_page() -> None:
    text = render_html(hostile_record())
    assert Page(text).open == []
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "{{ 7*7 }}" in text


def test_nothing_in_a_record_becomes_markup_in_markdown() -> None:
    text = render_markdown(hostile_record())
    for line in text.splitlines():
        if line.startswith("    "):
            continue  # an indented block is shown as it is
        outside_code = re.sub(r"`[^`]*`", "", line.replace("\\`", ""))
        assert "<script" not in outside_code
        assert "](" not in outside_code.replace("\\[a](", "")


def test_every_row_of_a_markdown_table_has_the_cells_of_its_head() -> None:
    for record in (make_record(), make_halted(), make_empty(), hostile_record()):
        width = 0
        for line in render_markdown(record).splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            cells = len(re.findall(r"(?<!\\)\|", line))
            assert cells == (width or cells), line
            width = cells


def test_markdown_keeps_the_order_of_the_page() -> None:
    heads = re.findall(r"^## (.*)$", render_markdown(make_record()), re.MULTILINE)
    assert heads == [
        "Every document, counted once", "Where the results are", "Cost and time", "Checks",
        "Dead letters by reason", "Accuracy against known truth", "Where it comes from",
    ]


@pytest.mark.parametrize("render", [render_html, render_markdown, lambda r: str(summary_lines(r))])
def test_every_view_says_what_matters(render: Callable[[CompletionRecord], str]) -> None:
    record = make_record()
    text = render(record)
    assert record.conservation.line in text
    assert "run-1" in text
    assert "$4.21" in text
    assert "90.3%" in text
    assert "85.5% to 93.7%" in text
    assert "not approved" in text
    assert "completed with dead letters" in text.lower()
    assert "batch-ai dlq list" in text


@pytest.mark.parametrize("render", [render_html, render_markdown, lambda r: str(summary_lines(r))])
def test_every_view_says_what_the_providers_cache_held_and_saved(
    render: Callable[[CompletionRecord], str],
) -> None:
    record = make_record(tokens_cached=3_609_247, cache_saved_usd=0.27)
    text = render(record)
    assert "3,609,247 tokens, 75.0% of those sent" in text
    assert "saved $0.27" in text
    assert "saved" not in render(make_record(tokens_cached=3_609_247))
    assert "cached" not in render(make_record())
    assert "prompt cache" not in render(make_record())


@pytest.mark.parametrize("render", [render_html, render_markdown, lambda r: str(summary_lines(r))])
def test_every_view_says_what_was_not_paid_for(render: Callable[[CompletionRecord], str]) -> None:
    text = render(make_record(saved=SAVED))
    for said in ("200 documents less", "41 documents less", "1,200 calls less"):
        assert said in text
    assert "about 98,000 tokens, $0.08" in text
    assert "less" not in render(make_record(next_step=""))


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_a_page_says_how_much_of_the_allowed_rate_was_used(
    render: Callable[[CompletionRecord], str],
) -> None:
    text = render(make_record(rates=RATES))
    assert "Allowed requests used" in text
    assert "448 of 500 a minute" in text
    assert "89.6%" in text


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_of_many_shards_a_page_shows_those_with_dead_letters_first(
    render: Callable[[CompletionRecord], str],
) -> None:
    record = make_record(groups=GROUPS, shards=SHARDS)
    shown = [row.shard for row in wording.shards_shown(record)]
    assert shown == [*range(19), 23]
    assert "4 more shards: see report.json" in render(record)
    assert "Every shard" not in render(make_record(groups=GROUPS, shards=SHARDS[:1]))


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_a_halted_batch_says_that_nothing_was_released(
    render: Callable[[CompletionRecord], str],
) -> None:
    text = render(make_halted())
    assert "Nothing was released." in text
    assert "missed" in text
    assert "108.0%" in text


def test_a_count_that_does_not_add_up_cannot_be_overlooked() -> None:
    record = make_record(Conservation(items=5, valid=4))
    assert "does not add up" in render_html(record)
    assert "does not add up" in render_markdown(record)
    assert "≠" in "".join(summary_lines(record))


def test_the_command_line_summary_names_failed_checks_only() -> None:
    lines = summary_lines(make_halted())
    assert lines[0] == "licence_screening 2026-11-22 v1: halted (budget)"
    checks = [line for line in lines if line.startswith("check")]
    assert [line.split(":")[1].strip() for line in checks] == ["completeness", "dead_letter_rate"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 ms"), (0.25, "250 ms"), (12.34, "12.3 s"), (59.97, "1 min 00 s"),
     (245, "4 min 05 s"), (3599.8, "1 h 00 min"), (7620, "2 h 07 min"), (360000, "100 h 00 min")],
)  # fmt: skip
def test_durations_read_well(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "$0.00"), (1234.5, "$1,234.50"), (0.05, "$0.05"), (0.00042, "$0.00042")],
)
def test_small_amounts_are_not_rounded_to_nothing(amount: float, text: str) -> None:
    assert wording.usd(amount) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0.0%"), (1e-6, "< 0.1%"), (0.5, "50.0%"), (0.99999, "> 99.9%"),
                        (1, "100.0%")]
)  # fmt: skip
def test_shares_are_not_rounded_to_nothing_or_all(share: float, text: str) -> None:
    assert wording.percent(share) == text


def test_a_reason_that_is_not_known_beforehand_still_shows() -> None:
    record = make_record(dead_by_reason={"strange": 4, "http_503": 1})
    assert wording.dead_reasons(record) == [
        ("strange", 4, ""), ("http_503", 1, "the provider kept answering 503"),
    ]
    assert "strange" in render_html(record)


def test_an_odd_backtick_is_only_text() -> None:
    assert wording.with_code("run `a b` now") == [("run ", False), ("a b", True), (" now", False)]
    assert wording.with_code("it`s") == [("it`s", False)]
