"""The governance record: what ended, was released and decided in a month, and what still waits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from batch_ai_assets.engine.deciding import decide
from batch_ai_assets.engine.governance import month_of, oversee
from batch_ai_assets.engine.reporting.governance import GovernanceRecord
from batch_ai_assets.engine.reporting.governance_markdown import render_governance_markdown
from batch_ai_assets.engine.reporting.html import render_governance
from batch_ai_assets.engine.state.rows import Kind

from ..reporting.test_views import Page
from ..world import World
from .items import named, plain

HOSTILE = "<script>alert(1)</script> | `x` {{ 7*7 }}"


@pytest.fixture
def worked(topics: World) -> World:
    """Two batches: one with a dead letter that was discarded and one that is still open."""
    given_up, left = named("[[stub:refusal]]"), named("[[stub:refusal]]")
    topics.write_messages([*plain(3), given_up, left])
    topics.run("b1")
    decide(
        topics.job, "b1", Kind.DISCARD, topics.deps, who="cli:ada", why=HOSTILE,
        items=(given_up["id"],),
    )  # fmt: skip
    topics.run("b1")
    topics.write_messages(plain(2))
    topics.run("b2")
    return topics


def this_month() -> str:
    return f"{datetime.now(UTC):%Y-%m}"


def of_this_month(here: World) -> GovernanceRecord:
    return oversee(here.deps.store, this_month(), *month_of(this_month()))


def test_a_month_holds_each_batch_once_with_its_checks_releases_and_decisions(
    worked: World,
) -> None:
    record = of_this_month(worked)
    (job,) = record.jobs
    first, second = job.batches
    assert (first.batch, first.version, second.batch) == ("b1", 2, "b2")
    assert [(one.version, one.rows) for one in first.releases] == [(1, 3), (2, 3)]
    (decision,) = first.decisions
    assert (decision.kind, decision.who, decision.items) == ("discard", "cli:ada", 1)
    assert {check.name for check in first.checks} >= {"completeness", "dead_letter_rate"}
    assert job.trends()["dead_letter_rate"].failed == 1
    (open_,) = record.needs_a_person
    assert open_.startswith("topics/b1: in error: ")
    assert open_.endswith("1 dead letters are open")
    assert GovernanceRecord.from_json(record.to_json()) == record


def test_a_batch_is_shown_alone_and_another_month_is_empty(worked: World) -> None:
    alone = oversee(worked.deps.store, "topics/b2", job="topics", batch="b2")
    assert [batch.batch for _, batch in alone.batches()] == ["b2"]
    assert alone.needs_a_person == ()
    empty = oversee(worked.deps.store, "2001-02", *month_of("2001-02"))
    assert empty.jobs == ()
    assert "No batch ended in this time." in render_governance(empty)
    assert "No batch ended in this time." in render_governance_markdown(empty)


def test_the_page_runs_nothing_loads_nothing_and_keeps_peoples_words_as_words(
    worked: World,
) -> None:
    text = render_governance(of_this_month(worked))
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "default-src 'none'" in text
    assert "&lt;script&gt;alert(1)" in text
    said = render_governance_markdown(of_this_month(worked))
    assert "<script" not in said
    for line in (line for line in said.splitlines() if line.startswith("|") and "discard" in line):
        assert line.replace("\\|", "").count("|") == 7


@pytest.mark.parametrize(
    ("name", "until"), [("2026-11", "2026-12-01"), ("2026-12", "2027-01-01")]
)
def test_a_month_ends_where_the_next_begins(name: str, until: str) -> None:
    since, end = month_of(name)
    assert f"{since:%Y-%m-%d}" == f"{name}-01"
    assert f"{end:%Y-%m-%d}" == until
    with pytest.raises(ValueError, match="remains"):
        month_of("2026-13")
