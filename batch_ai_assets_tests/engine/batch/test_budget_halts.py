"""The budget as a hard stop, judged from what the provider billed."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import make_job, world
from .items import ids, named, plain, price

FREE = {"models": {"stub": {"price": "free", "context_tokens": 16000}}}


@pytest.mark.parametrize("concurrency", [1, 4, 32])
def test_no_call_leaves_that_could_pass_the_budget_and_a_raised_one_completes(
    concurrency: int, server: LocalProvider, tmp_path: Path
) -> None:
    limit = 0.0016
    tight = {"limits": {"concurrency": concurrency}, "budget": {"limit_usd": limit}}
    with world(tmp_path, server.base_url, tight) as here:
        rows = plain(300)
        here.write_messages(rows)

        halted = here.run()

        assert halted.state is State.HALTED
        assert f"of {limit:.4f} USD are spent, and the next call may cost up to" in halted.message
        assert "No further call leaves" in halted.message
        stats = server.stats()
        billed = price(stats["prompt_tokens"], stats["completion_tokens"])
        assert 0.9 * limit < billed <= limit, "all of it can be used, none of it passed"
        assert halted.record is not None
        assert halted.record.reason == "budget"
        assert halted.record.cost_usd == pytest.approx(billed)
        assert "raise budget" in halted.record.next_step

        assert here.run().state is State.HALTED
        assert server.stats()["calls"] == stats["calls"], "no call after the halt"

        richer = make_job(tmp_path, {"budget": {"limit_usd": 1.0}})
        assert here.run(job=richer).state is State.COMPLETED
        assert [row["item_id"] for row in here.results()] == ids(rows)
        stats = server.stats()
        assert (stats["answers"], stats["answered_more_than_once"]) == (300, 0)


def test_a_free_model_is_bounded_by_its_token_budget(server: LocalProvider, tmp_path: Path) -> None:
    limit = 8000
    tight = {"budget": {"limit_usd": None, "limit_tokens": limit}}
    with world(tmp_path, server.base_url, tight, FREE) as here:
        here.write_messages(plain(300))

        halted = here.run()

        assert halted.state is State.HALTED
        assert "of 8,000 tokens are used" in halted.message
        stats = server.stats()
        assert 0.8 * limit < stats["cost_tokens"] <= limit
        assert halted.record is not None
        assert halted.record.tokens_in + halted.record.tokens_out == stats["cost_tokens"]
        assert halted.record.cost_usd == 0.0

        more = make_job(tmp_path, {"budget": {"limit_usd": None, "limit_tokens": 10**6}}, FREE)
        assert here.run(job=more).state is State.COMPLETED


def test_calls_that_may_have_been_billed_count_against_the_budget(
    server: LocalProvider, tmp_path: Path
) -> None:
    lossy = {"budget": {"limit_usd": 0.002}, "retry": {"max_attempts": 50, "base_seconds": 0.001}}
    with world(tmp_path, server.base_url, lossy) as here:
        here.write_messages([*plain(3), *(named("[[stub:reset]]") for _ in range(3))])

        halted = here.run()

        assert halted.state is State.HALTED
        assert halted.record is not None
        assert halted.record.reason == "budget"
        assert 0.0018 < halted.record.cost_usd <= 0.002


def test_a_budget_too_small_for_one_call_asks_nothing(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, {"budget": {"limit_usd": 1e-7}}) as here:
        here.write_messages(plain(5))
        assert here.run().state is State.HALTED
        assert server.stats()["calls"] == 0
        assert here.counts().pending == 5


def test_a_second_version_has_a_budget_of_its_own(server: LocalProvider, tmp_path: Path) -> None:
    """A batch version is what a budget is for; stored answers cost nothing of it."""
    with world(tmp_path, server.base_url, {"budget": {"limit_usd": 0.0005}}) as here:
        here.write_messages(plain(30))
        assert here.run().state is State.COMPLETED
        warmer = make_job(
            tmp_path,
            {"budget": {"limit_usd": 0.0005}, "model": {"parameters": {"temperature": 1.0}}},
        )
        assert here.run(job=warmer).state is State.COMPLETED
        assert {row["version"] for row in here.results()} == {2}
