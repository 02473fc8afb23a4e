"""The purse: whatever calls cost, settled and reserved money never pass what was drawn."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.budget import Bound, Purse, limits_of
from batch_ai_assets.engine.spec.provider import FREE, Price, ProviderLimits
from batch_ai_assets.engine.state.approvals import Allowed
from batch_ai_assets.engine.state.funds import Drawn

from ..planning.test_versions import plan
from ..world import make_job

PRICE = Price(input_usd_per_million=0.1, output_usd_per_million=0.4)
ENDLESS = float("inf")


def drawn(usd: float, tokens: int, room_usd: float = 0.0, room_tokens: float = 0.0) -> Drawn:
    words = ("0.0000 of 0.0010 USD", "the limit", "0 of 5 tokens", "the limit")
    return Drawn(usd, tokens, room_usd, room_tokens, 0.0, 0.0, *words)


def purse(usd: float, tokens: int = 10**9, price: Price = PRICE, spent: float = 0.0) -> Purse:
    """With so much drawn, and no more to be had."""
    money = Purse(price, spent, 0)
    money.grant(drawn(usd, tokens))
    return money


calls = st.lists(
    st.tuples(
        st.integers(1, 20_000),  # bytes of the request
        st.integers(1, 2_000),  # max_tokens
        st.floats(0, 1),  # share of the bound that it comes to cost
        st.integers(0, 5),  # how many others end before it does
    ),
    max_size=80,
)


@given(
    calls=calls,
    grants=st.lists(st.tuples(st.floats(0, 0.01), st.integers(0, 100_000)), max_size=80),
    spent=st.floats(0, 0.01),
)
def test_settled_money_and_upper_bounds_in_flight_never_pass_what_was_drawn(
    calls: list[tuple[int, int, float, int]], grants: list[tuple[float, int]], spent: float
) -> None:
    money = Purse(PRICE, spent, 0)
    usd, tokens = spent, 0
    flying: list[tuple[Bound, float]] = []
    for (size, max_tokens, share, ending), (more, more_tokens) in zip(
        calls, grants + [(0.0, 0)] * len(calls), strict=False
    ):
        money.grant(drawn(more, more_tokens))
        usd, tokens = usd + more, tokens + more_tokens
        bound = money.bound(size, max_tokens)
        assert bound.usd == pytest.approx(PRICE.cost_usd(size, max_tokens))
        after_usd = money.spent_usd + sum(other.usd for other, _ in flying) + bound.usd
        after_tokens = money.spent_tokens + sum(other.tokens for other, _ in flying) + bound.tokens
        if money.reserve(bound):
            assert after_usd <= usd * (1 + 1e-9)
            assert after_tokens <= tokens
            flying.append((bound, share))
        else:
            assert after_usd > usd * (1 - 1e-9) or after_tokens > tokens
        for other, cost in flying[:ending]:
            money.settle(other, other.usd * cost, int(other.tokens * cost))
        del flying[:ending]
        assert money.in_flight == len(flying)


@given(seed=st.integers(0, 2**32), workers=st.integers(1, 64), limit=st.floats(1e-5, 3e-3))
def test_many_workers_together_never_spend_more_than_was_drawn(
    seed: int, workers: int, limit: float
) -> None:
    chosen, money, billed = random.Random(seed), purse(limit), [0.0]

    async def worker() -> None:
        for _ in range(30):
            bound = money.bound(chosen.randint(1, 3000), chosen.randint(1, 300))
            if not money.reserve(bound):
                return
            await asyncio.sleep(0)
            cost = bound.usd * chosen.random()
            billed[0] += cost
            assert billed[0] <= limit * (1 + 1e-9)
            await asyncio.sleep(0)
            money.settle(bound, cost, 1)

    async def crew() -> None:
        await asyncio.gather(*(worker() for _ in range(workers)))

    asyncio.run(crew())
    assert money.in_flight == 0
    assert money.spent_usd == pytest.approx(billed[0])


def test_a_call_that_cost_nothing_gives_its_reservation_back() -> None:
    money = purse(0.001)
    bound = Bound(0.0006, 100)
    for _ in range(1000):
        assert money.reserve(bound)
        assert not money.reserve(bound)
        money.settle(bound, 0.0, 0)
    assert money.spent_usd == 0.0


def test_all_that_was_drawn_may_be_spent() -> None:
    money = purse(0.0, 100, FREE)
    assert money.reserve(Bound(0.0, 100))
    assert not money.reserve(Bound(0.0, 1))


def test_the_shortfall_names_the_limit_that_stands_in_the_way() -> None:
    assert "USD" in purse(0.001).shortfall(Bound(0.01, 10))
    assert "tokens" in purse(0.0, 5, FREE).shortfall(Bound(0.0, 10))


def test_as_much_again_as_is_in_flight_is_drawn_and_a_seconds_spending() -> None:
    money = purse(0.010)
    assert money.reserve(Bound(0.004, 0))
    assert money.wish() == Bound(0.0, 0), "0.006 are free, for 0.004 in flight"
    money.settle(Bound(0.004, 0), 0.002, 0)
    assert money.wish().usd == pytest.approx(0.02 - 0.008), "ten draws a second, 0.002 since"
    assert money.wish().usd == 0.0, "nothing was spent since"


def test_a_call_that_waits_is_drawn_for_and_told() -> None:
    told: list[int] = []
    money = Purse(PRICE, wake=lambda: told.append(1))
    money.short = Bound(0.001, 10)
    assert money.wish() == Bound(pytest.approx(0.004), 40)
    money.grant(drawn(0.004, 40))
    assert told == [1]
    assert money.reserve(Bound(0.001, 10))


def test_money_that_other_runs_hold_is_not_given_up() -> None:
    money = Purse(PRICE)
    money.grant(Drawn(0.0, 0, 0.0, ENDLESS, 0.5, 0.0, "", "", "", ""))
    assert money.beyond(Bound(0.1, 0))
    assert not money.beyond_all(Bound(0.1, 0))
    assert money.beyond_all(Bound(0.6, 0))


def test_an_approval_takes_the_place_of_the_jobs_limit_and_the_caps_stay(tmp_path: object) -> None:
    spec = make_job(
        tmp_path, {"budget": {"limit_usd": 1.0, "usd_per_month": 9.0}}  # type: ignore[arg-type]
    ).spec
    allows = ProviderLimits(usd_per_month=50.0)
    november = 1_793_491_200.0
    limits = limits_of(spec, allows, plan(), Allowed(limit_usd=3.0, more_at=1.0), november)
    assert [(limit.account, limit.usd) for limit in limits] == [
        ("version/1", 3.0), ("2026-11/job/topics", 9.0), ("2026-11/provider/stub", 50.0),
    ]  # fmt: skip
