"""The purse: whatever calls cost, settled and reserved money never pass the limit."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.control.budget import Bound, Purse
from batch_ai_assets.engine.spec.job import BudgetSpec
from batch_ai_assets.engine.spec.provider import FREE, Price

PRICE = Price(input_usd_per_million=0.1, output_usd_per_million=0.4)


def purse(usd: float | None = None, tokens: int | None = None, price: Price = PRICE) -> Purse:
    return Purse(BudgetSpec(limit_usd=usd, limit_tokens=tokens), price)


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
    usd=st.none() | st.floats(1e-6, 0.02),
    tokens=st.none() | st.integers(1, 200_000),
    spent=st.floats(0, 0.01),
)
def test_settled_money_and_upper_bounds_in_flight_never_pass_the_limit(
    calls: list[tuple[int, int, float, int]],
    usd: float | None,
    tokens: int | None,
    spent: float,
) -> None:
    if usd is None and tokens is None:
        tokens = 50_000
    before_tokens = int(spent * 1_000_000)
    money = Purse(BudgetSpec(limit_usd=usd, limit_tokens=tokens), PRICE, spent, before_tokens)
    flying: list[tuple[Bound, float]] = []
    for size, max_tokens, share, ending in calls:
        bound = money.bound(size, max_tokens)
        assert bound.usd == pytest.approx(PRICE.cost_usd(size, max_tokens))
        reserved_usd = money.spent_usd + sum(other.usd for other, _ in flying)
        reserved_tokens = money.spent_tokens + sum(other.tokens for other, _ in flying)
        if money.reserve(bound):
            assert usd is None or reserved_usd + bound.usd <= usd * (1 + 1e-9)
            assert tokens is None or reserved_tokens + bound.tokens <= tokens
            flying.append((bound, share))
        else:
            assert (usd is not None and reserved_usd + bound.usd > usd * (1 - 1e-9)) or (
                tokens is not None and reserved_tokens + bound.tokens > tokens
            )
            assert money.shortfall(bound)
        for other, cost in flying[:ending]:
            money.settle(other, other.usd * cost, int(other.tokens * cost))
        del flying[:ending]
        assert money.in_flight == len(flying)
    for other, cost in flying:
        money.settle(other, other.usd * cost, int(other.tokens * cost))
    if money.spent_usd > spent:
        assert usd is None or money.spent_usd <= usd * (1 + 1e-9)
    if money.spent_tokens > before_tokens:
        assert tokens is None or money.spent_tokens <= tokens


@given(seed=st.integers(0, 2**32), workers=st.integers(1, 64), limit=st.floats(1e-5, 3e-3))
def test_many_workers_together_never_spend_more_than_the_limit(
    seed: int, workers: int, limit: float
) -> None:
    drawn, money, billed = random.Random(seed), purse(usd=limit), [0.0]

    async def worker() -> None:
        for _ in range(30):
            bound = money.bound(drawn.randint(1, 3000), drawn.randint(1, 300))
            if not money.reserve(bound):
                return
            await asyncio.sleep(0)
            cost = bound.usd * drawn.random()
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
    money = purse(usd=0.001)
    bound = Bound(0.0006, 100)
    for _ in range(1000):
        assert money.reserve(bound)
        assert not money.reserve(bound)
        money.settle(bound, 0.0, 0)
    assert money.spent_usd == 0.0


def test_the_limit_itself_may_be_spent() -> None:
    money = purse(tokens=100, price=FREE)
    assert money.reserve(Bound(0.0, 100))
    assert not money.reserve(Bound(0.0, 1))


def test_the_shortfall_names_the_limit_that_stands_in_the_way() -> None:
    assert "USD" in purse(usd=0.001).shortfall(Bound(0.01, 10))
    assert "tokens" in purse(tokens=5, price=FREE).shortfall(Bound(0.0, 10))
