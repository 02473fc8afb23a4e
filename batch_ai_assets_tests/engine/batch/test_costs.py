"""What a month cost: every money row once, split at the end of the month, against every cap."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from math import fsum

import pytest

from batch_ai_assets.engine.capping import alert_about_caps, caps_of
from batch_ai_assets.engine.control.month_end import Cap
from batch_ai_assets.engine.costs import add_up
from batch_ai_assets.engine.deps import Mode
from batch_ai_assets.engine.reporting.costs import CostRecord, Sums
from batch_ai_assets.engine.reporting.costs_markdown import render_costs_markdown
from batch_ai_assets.engine.reporting.html import render_costs
from batch_ai_assets.local_provider.process import LocalProvider

from ..reporting.test_views import Page
from ..world import World, make_job, world
from .items import money, named, plain, table

HOSTILE = "<script>alert(1)</script> | `x` {{ 7*7 }}"
SECRET = "a message about money"
"""In every document."""


def month_at(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m}"


def this_month(here: World, job: str | None = None) -> CostRecord:
    store = here.deps.store
    return add_up(store, month_at(store.clock()), caps_of([here.job]), job=job)


@pytest.fixture(scope="module")
def worked(
    shared_stub: LocalProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Two batches: `b1` with a re-ask, dead letters and an approval; `b2`, of the same documents
    and a new one, made twice."""
    home = tmp_path_factory.mktemp("costs")
    spec = {
        "prompt": {"version": HOSTILE},
        "budget": {"usd_per_month": 1.0, "worker_usd_per_hour": 3600.0},
    }
    with world(home, shared_stub.base_url, spec, {"limits": {"usd_per_month": 2.0}}) as here:
        rows = [*plain(4), named("[[stub:malformed,ok]]")]
        here.write_messages([*rows, named("[[stub:refusal]]"), named("[[stub:reset]]")])
        here.run("b1")
        plan = here.deps.store.batches.latest_plan("topics", "b1")
        assert plan is not None
        here.deps.store.approvals.add(plan, who="cli:ada", why=HOSTILE, limit_usd=9.0)
        here.write_messages([*rows, named()])
        here.run("b2")
        here.run("b2", Mode.REPROCESS)
        yield here


def whole(record: CostRecord) -> dict[str, list[Sums]]:
    """Every grouping of the record."""
    return {
        "jobs": [one.sums for one in record.jobs],
        "providers": [one.sums for one in record.providers],
        "models": [one.sums for one in record.models],
        "outcomes": [one.sums for one in record.outcomes],
    }


def adds_up(record: CostRecord) -> None:
    for name, parts in whole(record).items():
        found = Sums.over(parts)
        assert found.usd == pytest.approx(record.total.usd), name
        assert (found.calls, found.tokens_in, found.tokens_out) == (
            record.total.calls, record.total.tokens_in, record.total.tokens_out,
        ), name  # fmt: skip
    assert fsum(one.usd for one in record.days) == pytest.approx(record.total.usd)
    for lost in (record.jobs, record.providers):
        assert fsum(one.lost_usd for one in lost) == pytest.approx(record.lost_usd)


def test_the_month_is_the_ledger_and_every_grouping_adds_up_to_it(worked: World) -> None:
    record = this_month(worked)
    books = [money(worked, batch) for batch in ("b1", "b2")]
    assert record.total.usd == pytest.approx(sum(usd for _, _, usd in books))
    assert record.total.tokens == sum(sent + said for sent, said, _ in books)
    assert record.total.unanswered_usd == pytest.approx(money(worked, kind="written_off")[2])
    adds_up(record)
    assert CostRecord.from_json(record.to_json()) == record
    assert this_month(worked, job="topics").total == record.total
    assert this_month(worked, job="other").jobs == ()


def test_what_was_paid_in_vain_stands_apart_by_where_its_document_ended(worked: World) -> None:
    by_end = {one.end: one for one in this_month(worked).outcomes}
    assert set(by_end) == {"valid", "dead"}
    assert by_end["valid"].in_vain.calls == 1, "the invalid answer that was asked for again"
    assert 0 < by_end["valid"].in_vain.usd < by_end["valid"].sums.usd
    assert by_end["dead"].in_vain == by_end["dead"].sums


def test_results_savings_machine_and_estimates_are_told(worked: World) -> None:
    record = this_month(worked)
    (job,) = record.jobs
    assert (job.batches, job.results) == (2, 5 + 6)
    assert job.usd_per_thousand == pytest.approx(record.total.usd / 11 * 1000)
    assert [one.batch for one in job.last_batches] == ["b1", "b2"]
    assert fsum(one.usd for one in job.last_batches) == pytest.approx(record.total.usd)
    saved = {one.what: one for one in record.saved}
    assert saved["skipping"].documents >= 5
    assert saved["skipping"].usd > 0
    assert saved["stored_answers"].documents == 6
    assert record.machine_usd == pytest.approx(job.machine_usd)
    assert record.machine_usd > 0
    (estimate,) = record.estimates
    assert estimate.batches == 2
    assert 0 < estimate.least <= estimate.middle <= estimate.most


def test_a_cap_shows_what_its_account_says(worked: World) -> None:
    record = this_month(worked)
    (job,), (provider,) = record.jobs, record.providers
    assert job.cap is not None
    assert provider.cap is not None
    assert (job.cap.usd, provider.cap.usd) == (1.0, 2.0)
    assert job.cap.spent_usd == pytest.approx(record.total.usd + record.lost_usd)
    assert job.cap.share == pytest.approx(2 * provider.cap.share)
    assert record.warnings == ()


def test_every_view_keeps_peoples_words_as_words_and_holds_no_document(worked: World) -> None:
    record = this_month(worked)
    (approval,) = record.approvals
    assert (approval.who, approval.why, approval.limit_usd) == ("cli:ada", HOSTILE, 9.0)
    text, said = render_costs(record), render_costs_markdown(record)
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "default-src 'none'" in text
    assert text.count("&lt;script&gt;alert(1)") == 2
    assert "<script" not in said
    assert SECRET not in text + said + record.to_json().decode()
    for line in (line for line in said.splitlines() if "cli:ada" in line):
        assert line.replace("\\|", "").count("|") == 6


def test_a_batch_over_the_end_of_a_month_is_split_there(topics: World) -> None:
    topics.write_messages(plain(10))
    topics.run()
    border = datetime(2026, 9, 1, tzinfo=UTC).timestamp()
    with closing(sqlite3.connect(topics.home / "state/state.sqlite")) as connection, connection:
        connection.execute("UPDATE ledger SET at = ? + seq - 4", (border,))
        connection.execute("UPDATE plans SET started_at = ? - 9", (border,))
    before = add_up(topics.deps.store, "2026-08")
    after = add_up(topics.deps.store, "2026-09")
    sent, said, usd = money(topics)
    assert (before.total.calls, after.total.calls) == (4, 6)
    assert before.days[-1].usd == pytest.approx(before.total.usd)
    assert after.days[0].usd == pytest.approx(after.total.usd)
    assert before.total.usd + after.total.usd == pytest.approx(usd)
    assert before.total.tokens + after.total.tokens == sent + said
    adds_up(before)
    adds_up(after)
    assert after.over
    assert add_up(topics.deps.store, "2026-07").total == Sums()


def test_what_a_dead_run_held_stands_apart_and_counts_against_the_cap(topics: World) -> None:
    topics.write_messages(plain(2))
    topics.run()
    plan = topics.deps.store.batches.latest_plan("topics", "b1")
    assert plan is not None
    at = topics.deps.store.clock()
    accounts = f"version/{plan.plan_id}\n{month_at(at)}/job/topics"
    with closing(sqlite3.connect(topics.home / "state/state.sqlite")) as connection, connection:
        connection.execute(
            "INSERT INTO holds VALUES (?, 'dead', 0.5, 70, ?, ?)", (plan.plan_id, accounts, at)
        )
    topics.deps.store.budgets.begin(plan, "run-9")
    record = add_up(topics.deps.store, month_at(at), [Cap("job", "topics", 0.25)])
    assert (record.lost_usd, record.lost_tokens, record.lost_runs) == (0.5, 70, 1)
    assert record.total.usd == pytest.approx(money(topics)[2])
    assert record.jobs[0].cap is not None
    assert record.jobs[0].cap.spent_usd == pytest.approx(record.total.usd + 0.5)
    assert record.warnings == ("job topics has reached its cap of 0.25 USD for this month",)
    adds_up(record)


def test_a_month_that_nears_its_cap_is_alerted_about_until_the_next_begins(topics: World) -> None:
    topics.write_messages(plain(4))
    topics.run()
    spent = money(topics)[2]
    provider = {"limits": {"usd_per_month": spent * 2}}
    job = make_job(topics.home, {"budget": {"usd_per_month": spent / 0.9}}, provider)
    alerts = topics.deps.store.alerts

    alert_about_caps(caps_of([job]), topics.deps)
    (kept,) = alerts.open()
    assert (kept.alert.kind, kept.alert.severity) == ("month_cap", "warning")
    assert kept.alert.title.startswith("job topics has used 90% of its cap for 20")
    assert "budget.usd_per_month" in kept.alert.message

    full = [Cap("job", "topics", spent), Cap("provider", "stub", spent)]
    alert_about_caps(full, topics.deps)
    assert [one.alert.severity for one in alerts.open()] == ["error", "error"]
    assert len({one.alert.dedup_key for one in alerts.open()}) == 2

    clock = topics.deps.store.clock
    try:
        topics.deps.store.clock = lambda: clock() + 32 * 86_400
        alert_about_caps(full[:1], topics.deps)
        assert [one.alert.batch for one in alerts.open()] == ["provider stub"]
        alert_about_caps((), topics.deps, all_of_them=True)
        assert alerts.open() == []
    finally:
        topics.deps.store.clock = clock


def test_the_end_of_a_batch_looks_at_the_caps_it_spent_under(
    server: LocalProvider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("capped")
    with world(home, server.base_url, {"budget": {"usd_per_month": 0.0004}}) as here:
        here.write_messages(plain(300))
        halted = here.run()
        assert halted.state.value == "halted"
        told = {one.alert.kind: one.alert.severity for one in here.deps.store.alerts.open()}
        assert told["month_cap"] in ("warning", "error")
        assert table(here, "SELECT count(*) FROM alerts WHERE kind = 'month_cap'") == [(1,)]
