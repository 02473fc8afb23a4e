"""The provider's prompt cache: what it held is priced apart, from its reply to the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.estimating import estimate
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.reporting.html import render_html
from batch_ai_assets.engine.reporting.markdown import render_markdown
from batch_ai_assets.engine.reporting.text import summary_lines
from batch_ai_assets.engine.spec.resolved import Example
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, stub, world
from .items import messages, money, plain, table
from .recorder import GOOD, Answer, completion, recorded

PRICE = {
    "input_usd_per_million": 0.1,
    "output_usd_per_million": 0.4,
    "cached_input_usd_per_million": 0.025,
}
PROMPT = "Say what the message is about. " + "Consider every word with care. " * 150
"""1,171 tokens by the stub's estimate, of which 1,152 can be cached."""


def cost(tokens_in: int, tokens_out: int, cached: int) -> float:
    """What the provider of these tests charges, USD."""
    return ((tokens_in - cached) * 0.1 + cached * 0.025 + tokens_out * 0.4) / 1_000_000


def billed(stats: dict[str, Any]) -> float:
    return cost(stats["prompt_tokens"], stats["completion_tokens"], stats["cached_tokens"])


def priced(home: Path, base_url: str, price: dict[str, Any] | None = None, **spec: Any) -> Any:
    provider = {"models": {"stub": {"price": price or PRICE}}}
    return world(home, base_url, spec, provider)


@pytest.fixture(scope="module")
def caching() -> Iterator[LocalProvider]:
    with stub(prompt_cache=True) as server:
        yield server


@pytest.fixture
def here(caching: LocalProvider, tmp_path: Path) -> Iterator[World]:
    """The topics job with a long prompt of its own, so that every test finds an empty cache."""
    caching.reset_stats()
    with priced(tmp_path, caching.base_url, sla={"within": "1h"}) as place:
        place.job = place.job.model_copy(update={"prompt_text": f"{PROMPT} {tmp_path}"})
        yield place


def test_the_ledger_costs_what_the_provider_counted_at_its_prices(
    here: World, caching: LocalProvider
) -> None:
    odd = messages("[[stub:500,ok]]", "[[stub:schema,ok]]", "[[stub:429(0.02),ok]]")
    here.write_messages([*plain(40), *odd])

    outcome = here.run()

    assert outcome.state is State.COMPLETED
    stats = caching.stats()
    assert stats["cached_tokens"] > 0.8 * stats["prompt_tokens"]
    told, answered, usd = money(here)
    assert (told, answered) == (stats["prompt_tokens"], stats["completion_tokens"])
    assert usd == pytest.approx(billed(stats))
    columns = "tokens_in, tokens_out, tokens_cached, cost_usd, saved_usd"
    rows = table(here, f"SELECT {columns} FROM ledger")
    assert sum(cached for _, _, cached, _, _ in rows) == stats["cached_tokens"]
    for tokens_in, tokens_out, cached, paid, saved in rows:
        assert 0 <= cached <= tokens_in
        assert paid == pytest.approx(cost(tokens_in, tokens_out, cached))
        assert paid + saved == pytest.approx(cost(tokens_in, tokens_out, 0))
    assert fsck("topics", "b1", here.deps) == []


def test_documents_that_share_a_request_share_what_was_cached_of_it(
    caching: LocalProvider, tmp_path: Path
) -> None:
    caching.reset_stats()
    together = {"version": "1", "items_per_request": 7}
    with priced(tmp_path, caching.base_url, prompt=together) as here:
        here.job = here.job.model_copy(update={"prompt_text": f"{PROMPT} {tmp_path}"})
        here.write_messages([*plain(60), *messages("[[stub:malformed,ok]]", "[[stub:schema,ok]]")])

        outcome = here.run()

        assert outcome.state is State.COMPLETED
        stats = caching.stats()
        assert stats["cached_tokens"] > 0.5 * stats["prompt_tokens"]
        assert money(here)[:2] == (stats["prompt_tokens"], stats["completion_tokens"])
        assert money(here)[2] == pytest.approx(billed(stats))
        rows = table(here, "SELECT tokens_in, tokens_cached FROM ledger")
        assert sum(cached for _, cached in rows) == stats["cached_tokens"]
        assert all(0 <= cached <= tokens_in for tokens_in, cached in rows)
        assert outcome.record is not None
        assert outcome.record.cost_usd == pytest.approx(billed(stats))
        assert fsck("topics", "b1", here.deps) == []


def test_every_report_says_how_many_tokens_were_cached_and_what_that_saved(
    here: World, caching: LocalProvider
) -> None:
    here.write_messages(plain(20))

    record = here.run().record

    stats = caching.stats()
    saved = stats["cached_tokens"] * 0.075 / 1_000_000
    assert record is not None
    assert record.tokens_cached == stats["cached_tokens"] > 0
    assert record.cost_usd == pytest.approx(billed(stats))
    assert record.cache_saved_usd == pytest.approx(saved)
    assert json.loads(record.to_json())["tokens_cached"] == stats["cached_tokens"]
    share = stats["cached_tokens"] / stats["prompt_tokens"]
    said = f"{stats['cached_tokens']:,} tokens, {share:.1%} of those sent"
    for text in (render_html(record), render_markdown(record), str(summary_lines(record))):
        assert said in text
        assert f"saved ${saved:.6f}".rstrip("0") in text
    (row,) = here.deps.store.overview("topics")
    assert (row.tokens_cached, row.cost_usd) == (stats["cached_tokens"], record.cost_usd)
    assert row.cache_saved_usd == pytest.approx(saved)


def test_cached_tokens_without_a_price_of_their_own_cost_as_much_as_others(
    caching: LocalProvider, tmp_path: Path
) -> None:
    caching.reset_stats()
    full = {"cached_input_usd_per_million": None}
    with priced(tmp_path, caching.base_url, {**PRICE, **full}) as here:
        here.job = here.job.model_copy(update={"prompt_text": f"{PROMPT} {tmp_path}"})
        here.write_messages(plain(10))
        record = here.run().record
    stats = caching.stats()
    assert record is not None
    assert record.tokens_cached == stats["cached_tokens"] > 0
    assert record.cost_usd == pytest.approx(
        cost(stats["prompt_tokens"], stats["completion_tokens"], 0)
    )
    assert record.cache_saved_usd == 0


def test_a_stored_answer_brings_no_cached_tokens_with_it(here: World) -> None:
    rows = plain(5)
    here.write_messages(rows)
    here.run()
    here.write_messages({**row, "id": f"{row['id']}-again"} for row in rows)

    record = here.run("b2").record

    assert record is not None
    assert record.from_store == 5
    assert (record.tokens_cached, record.cache_saved_usd) == (0, 0.0)


def test_a_budget_is_held_by_bounds_at_the_full_price(
    caching: LocalProvider, tmp_path: Path
) -> None:
    """What a cache will hold is not known before the call: no call relies on it."""
    caching.reset_stats()
    limit = 0.0015
    with priced(
        tmp_path, caching.base_url, budget={"limit_usd": limit}, limits={"concurrency": 1}
    ) as here:
        here.job = here.job.model_copy(update={"prompt_text": f"{PROMPT} {tmp_path}"})
        here.write_messages(plain(60))
        outcome = here.run()
    assert outcome.state is State.HALTED
    assert outcome.record is not None
    assert outcome.record.cost_usd == pytest.approx(billed(caching.stats()))
    longest = max(len(PROMPT), 4000) * 1.5 * 0.1 / 1_000_000
    assert limit - longest - 32 * 0.4 / 1_000_000 < outcome.record.cost_usd <= limit


@pytest.mark.parametrize("cached", [11, -1, 10.5, "10", None, [10]])
def test_a_count_that_cannot_be_one_lowers_no_cost(tmp_path: Path, cached: object) -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": cached},
    }

    def answer(_: dict[str, Any]) -> Answer:
        return completion(GOOD, usage=usage)

    with recorded(tmp_path, answer=answer) as (here, _):
        offer = here.job.offer.model_validate({"price": PRICE, "context_tokens": 16_000})
        provider = here.job.provider.model_copy(update={"models": {"stub": offer}})
        here.job = here.job.model_copy(update={"provider": provider})
        here.write_messages(plain(3))
        assert here.run().state is State.COMPLETED
        assert money(here)[2] == pytest.approx(3 * cost(10, 5, 0))
        assert here.deps.store.figures("topics", "b1").tokens_cached == 0


def test_all_requests_of_a_batch_begin_with_the_same_bytes(tmp_path: Path) -> None:
    """Retries and corrections too: the second attempt is cached like the first."""
    example = Example(text="my card", output=GOOD)

    def answer(body: dict[str, Any]) -> Answer:
        document = body["messages"][-1]["content"]
        wrong = "again" in document and "could not be used" not in document
        return completion({"topic": "nonsense"} if wrong else GOOD)

    with recorded(tmp_path, answer=answer) as (here, provider):
        here.job = here.job.model_copy(update={"examples": (example,)})
        here.write_messages(messages(*["short"] * 5, *["again"] * 5, 'quo"te \\ \u2028 \x07'))
        assert here.run().state is State.COMPLETED

    assert len(provider.bodies) == 16
    opening = b'{"role":"user","content":"<document-'
    (head,) = {body.rpartition(opening)[0] for body in provider.bodies}
    assert b"Say what the message is about." in head
    assert b"my card" in head
    assert b'"response_format"' in head


def test_an_estimate_learns_what_will_be_cached_and_says_the_most_without_it(
    here: World, caching: LocalProvider
) -> None:
    here.write_messages(plain(40))
    (first,) = estimate(here.job, "b1", here.deps).groups
    assert first.work.tokens_cached == 0
    assert first.work.cost_usd == pytest.approx(first.work.most_cost_usd)
    here.run()
    stats = caching.stats()
    share = stats["cached_tokens"] / stats["prompt_tokens"]
    here.write_messages(plain(40))

    (group,) = estimate(here.job, "b2", here.deps).groups

    work = group.work
    assert work.tokens_cached == int(work.tokens_in * share)
    assert work.cost_usd == pytest.approx(
        cost(work.tokens_in, work.tokens_out, work.tokens_cached)
    )
    assert work.most_cost_usd == pytest.approx(cost(work.tokens_in, work.most_tokens_out, 0))
    assert work.cost_usd < 0.6 * work.most_cost_usd
    here.run("b2")
    plan = here.deps.tables.latest("topics", "work_plan", "b2")
    assert plan is not None
    (row,) = plan.to_arrow().to_pylist()
    assert (row["tokens_cached"], row["cost_usd"]) == (work.tokens_cached, work.cost_usd)
