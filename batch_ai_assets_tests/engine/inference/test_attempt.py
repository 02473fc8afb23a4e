"""What a request cost, shared by the items that it asked: nothing is lost in between."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.budget import Bound
from batch_ai_assets.engine.inference.attempt import Judge
from batch_ai_assets.engine.inference.item import WorkItem
from batch_ai_assets.engine.inference.outcome import Reply, interpret
from batch_ai_assets.engine.spec.provider import Price

from ..world import make_job

PRICE = Price(
    input_usd_per_million=0.1, output_usd_per_million=0.4, cached_input_usd_per_million=0.025
)
JUDGE = Judge(make_job(Path("/jobs/topics")), Mock(), PRICE)


def reply_of(tokens_in: int, tokens_out: int, cached: int) -> Reply:
    """A reply that says nothing and costs so much."""
    usage = (
        f'"usage":{{"prompt_tokens":{tokens_in},"completion_tokens":{tokens_out},'
        f'"prompt_tokens_details":{{"cached_tokens":{cached}}}}}'
    )
    reply = interpret(200, {}, f'{{"choices":[{{"message":{{}}}}],{usage}}}'.encode())
    assert isinstance(reply, Reply)
    return reply


@given(
    sizes=st.lists(st.integers(0, 50_000), min_size=1, max_size=30),
    tokens_in=st.integers(0, 200_000),
    tokens_out=st.integers(0, 50_000),
    share=st.floats(0, 1),
)
def test_shares_of_a_request_add_up_and_none_has_more_cached_tokens_than_tokens(
    sizes: list[int], tokens_in: int, tokens_out: int, share: float
) -> None:
    cached = int(tokens_in * share)
    items = [
        WorkItem(seq, f"m{seq}", "text", b"", b"", size, 0, 1) for seq, size in enumerate(sizes)
    ]

    judged = JUDGE.reply(items, "w", reply_of(tokens_in, tokens_out, cached), Bound(1.0, 10**6))

    entries = [one.entry for one in judged]
    assert sum(entry.tokens_in for entry in entries) == tokens_in
    assert sum(entry.tokens_out for entry in entries) == tokens_out
    assert sum(entry.tokens_cached for entry in entries) == cached
    assert all(0 <= entry.tokens_cached <= entry.tokens_in for entry in entries)
    paid = sum(entry.cost_usd for entry in entries)
    assert paid == pytest.approx(PRICE.cost_usd(tokens_in, tokens_out, cached))
    saved = sum(entry.saved_usd for entry in entries)
    assert saved == pytest.approx(PRICE.saved_usd(cached))
