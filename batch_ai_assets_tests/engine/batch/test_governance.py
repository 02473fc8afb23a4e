"""The governance record: what ended, was released and decided in a month, and what still waits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from batch_ai_assets.engine.deciding import decide
from batch_ai_assets.engine.governance import month_of, oversee
from batch_ai_assets.engine.reporting.governance import GovernanceRecord
from batch_ai_assets.engine.reporting.governance_markdown import render_governance_markdown
from batch_ai_assets.engine.reporting.html import render_governance
from batch_ai_assets.engine.spec.job import RuleSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.state.rows import Kind

from ..reporting.test_views import Page
from ..world import World
from .items import named, plain

HOSTILE = "<script>alert(1)</script> | `x` {{ 7*7 }}"


@pytest.fixture
def worked(topics: World) -> World:
    """Two batches: one with dead letters that were discarded, the last of them after a replay was
    asked for, and one that is still open; its second version was made by a changed job."""
    given_up = [named("[[stub:refusal]]") for _ in range(6)]
    left = named("[[stub:refusal]]")
    topics.write_messages([*plain(3), *given_up, left])
    topics.run("b1")
    for kind, who, some in (("replay", "cli:bob", given_up[5:]), ("discard", "cli:ada", given_up)):
        decide(
            topics.job, "b1", Kind(kind), topics.deps, who=who, why=HOSTILE,
            items=[one["id"] for one in some],
        )  # fmt: skip
    topics.run("b1", job=edited(topics.job))
    topics.write_messages(plain(2))
    topics.run("b2")
    return topics


def edited(job: ResolvedJob) -> ResolvedJob:
    """The job with a rule more, another limit and another prompt."""
    rule = RuleSpec(name="never", sql="topic = '<b>'", severity="warn")
    spec = job.spec.model_copy(update={"rules": (rule,), "over_length": "truncate"})
    return job.model_copy(update={"spec": spec, "prompt_text": "Say it in secret words."})


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
    assert {check.name for check in first.checks} >= {"completeness", "dead_letter_rate"}
    assert job.trends()["dead_letter_rate"].failed == 1
    (open_,) = record.needs_a_person
    assert open_.startswith("topics/b1: in error: ")
    assert open_.endswith("1 dead letter open")
    assert record.errors == first.errors > 0
    assert record.warnings == first.warnings + second.warnings
    assert GovernanceRecord.from_json(record.to_json()) == record


def test_every_version_is_told_with_what_it_held_cost_and_failed_and_what_changed_in_the_job(
    worked: World,
) -> None:
    first = of_this_month(worked).jobs[0].batches[0]
    one, two = first.versions
    assert [(v.counts.items, v.counts.valid, v.counts.dead, v.counts.discarded) for v in (one, two)
            ] == [(10, 3, 7, 0), (10, 3, 1, 6)]  # fmt: skip
    assert (one.released, two.released, one.changes) == (True, True, ())
    assert one.spec_short != two.spec_short
    assert "dead_letter_rate" in one.errors
    assert [f"{change.path}: {change.words}" for change in two.changes] == [
        "over_length: dead_letter → truncate", "rules[never]: added", "prompt text: changed",
    ]  # fmt: skip
    assert first.cost_usd_all_versions == pytest.approx(one.cost_usd + two.cost_usd)
    row = next(row for row in worked.deps.store.overview("topics") if row.batch == "b1")
    assert row.cost_usd_all_versions == pytest.approx(first.cost_usd_all_versions)
    assert row.cost_usd == pytest.approx(two.cost_usd)


def test_a_span_shows_the_versions_before_it_too_and_releases_of_its_own_alone(
    worked: World,
) -> None:
    whole = of_this_month(worked).jobs[0].batches[0]
    since = whole.decisions[0].at
    first = oversee(worked.deps.store, "later", since).jobs[0].batches[0]
    assert first.versions == whole.versions
    assert [one.version for one in first.releases] == [2]
    assert first.cost_usd_all_versions == whole.cost_usd_all_versions
    early = oversee(worked.deps.store, "earlier", until=since).jobs[0].batches[0]
    assert (early.versions, early.version) == (whole.versions[:1], 1)
    assert early.cost_usd_all_versions == pytest.approx(early.cost_usd)


def test_a_decision_names_its_first_documents_and_how_many_were_decided_otherwise_later(
    worked: World,
) -> None:
    replay, discard = of_this_month(worked).jobs[0].batches[0].decisions
    assert (replay.kind, replay.who, replay.items, replay.decided_again) == (
        "replay", "cli:bob", 1, 1,
    )  # fmt: skip
    assert (discard.kind, discard.items, len(discard.first_items)) == ("discard", 6, 5)
    assert discard.decided_again == 0
    text = render_governance(of_this_month(worked))
    assert "decided otherwise later" in text
    assert f"{discard.first_items[4]} and 1 more" in text


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
    assert "secret words" not in text + said
    assert "in all versions)" in text
    assert "over_length</code>: dead_letter → truncate" in text
    assert "- version 2: over\\_length: dead\\_letter → truncate" in said
    for line in (line for line in said.splitlines() if "| discard |" in line):
        assert line.replace("\\|", "").count("|") == 9


@pytest.mark.parametrize(
    ("name", "until"), [("2026-11", "2026-12-01"), ("2026-12", "2027-01-01")]
)
def test_a_month_ends_where_the_next_begins(name: str, until: str) -> None:
    since, end = month_of(name)
    assert f"{since:%Y-%m-%d}" == f"{name}-01"
    assert f"{end:%Y-%m-%d}" == until
    with pytest.raises(ValueError, match="remains"):
        month_of("2026-13")
