"""What a batch saved and used of its rate, and its shards: figures that agree with what ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.accounting import rates_used
from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.figures import BatchFigures, Conservation
from batch_ai_assets.engine.inference.request import RequestTemplate
from batch_ai_assets.engine.reporting.completion import CompletionRecord

from ..world import World, make_job
from .items import messages, plain, price

PACKED = {
    "prompt": {"version": "1", "items_per_request": 10},
    "early_stop": {"canary_items": 0},
    "shards": {"count": 1},
}


def record(here: World, batch: str = "b1", **changes: object) -> CompletionRecord:
    found = here.run(batch, job=make_job(here.home, changes)).record
    assert found is not None
    return found


def test_what_was_skipped_and_what_was_stored_is_worth_what_it_had_cost(topics: World) -> None:
    rows = plain(40)
    topics.write_messages(rows)
    first = record(topics)
    topics.write_messages(rows[:30])
    second = record(topics, "b2")
    third = topics.run("b2", Mode.REPROCESS).record
    assert third is not None

    assert first.saved == ()
    (skipped,) = second.saved
    assert (skipped.what, skipped.documents) == ("skipping", 30)
    assert skipped.cost_usd == pytest.approx(first.cost_usd * 30 / 40, rel=0.05)
    assert skipped.tokens == pytest.approx((first.tokens_in + first.tokens_out) * 0.75, rel=0.05)
    assert second.cost_usd == 0.0
    (stored,) = third.saved
    assert (stored.what, stored.documents) == ("stored_answers", 30)
    assert stored.cost_usd == pytest.approx(skipped.cost_usd)


def test_a_sample_of_what_was_skipped_stands_for_all_of_it(
    topics: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics.write_messages(plain(40))
    first = record(topics)
    monkeypatch.setattr("batch_ai_assets.engine.state.accounts.SAMPLE", 10)
    (skipped,) = record(topics, "b2").saved
    assert skipped.documents == 40
    assert skipped.cost_usd == pytest.approx(first.cost_usd, rel=0.1)


def test_packing_saves_the_calls_and_the_instructions_of_those_calls(topics: World) -> None:
    topics.write_messages(plain(50))
    together = record(topics, **PACKED)
    (packing,) = together.saved
    assert (together.calls, packing.calls) == (5, 45)

    assert packing.tokens == 45 * RequestTemplate(topics.job).prompt_tokens
    assert packing.cost_usd == pytest.approx(price(packing.tokens, 0))


def test_the_shards_of_a_record_add_up_to_the_batch(topics: World) -> None:
    rows = [*plain(40), *messages("[[stub:schema]]", "[[stub:refusal]]", "[[stub:500,ok]]")]
    topics.write_messages(rows)
    found = record(topics, shards={"count": 4}, early_stop={"canary_items": 0, "failed": 1.0})

    assert [shard.shard for shard in found.shards] == [0, 1, 2, 3]
    counts = found.conservation
    for name in ("valid", "review", "dead", "pending"):
        assert sum(getattr(shard, name) for shard in found.shards) == getattr(counts, name), name
    for name in ("calls", "retries", "cost_usd"):
        assert sum(getattr(shard, name) for shard in found.shards) == pytest.approx(
            getattr(found, name)
        ), name
    assert sum(shard.items for shard in found.shards) == counts.items
    assert sum(shard.tokens for shard in found.shards) == found.tokens_in + found.tokens_out
    assert all(shard.seconds >= 0 for shard in found.shards)


def test_asking_time_is_that_of_each_run_without_what_lay_between(topics: World) -> None:
    topics.write_messages(plain(30))
    found = record(topics)
    assert 0 < found.asking_seconds <= found.duration_seconds


@pytest.mark.parametrize(("seconds", "shares"), [(60.0, [0.5, 0.25]), (0.5, [])])
def test_the_share_of_a_rate_is_of_the_time_in_which_was_asked(
    seconds: float, shares: list[float], tmp_path: Path
) -> None:
    limits = {"limits": {"requests_per_minute": 600, "tokens_per_minute": 40_000}}
    job = make_job(tmp_path, provider=limits)
    figures = BatchFigures(Conservation(300), calls=300, tokens_in=9_000, tokens_out=1_000)
    found = list(rates_used(job, figures, seconds))
    assert [rate.share for rate in found] == shares
    assert [rate.of for rate in found] == ["requests", "tokens"][: len(shares)]
