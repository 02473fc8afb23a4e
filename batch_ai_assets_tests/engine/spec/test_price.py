"""Prices: cached tokens cost less or the same, and no cost is above what was reserved for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batch_ai_assets.engine.control.budget import Purse
from batch_ai_assets.engine.spec.provider import Price

rates = st.floats(0, 1000, allow_subnormal=False)
tokens = st.integers(0, 2**31)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    full = draw(rates)
    return Price(
        input_usd_per_million=full,
        output_usd_per_million=draw(rates),
        cached_input_usd_per_million=draw(st.none() | st.floats(0, full)),
    )


@st.composite
def calls(draw: st.DrawFn) -> tuple[int, int, int]:
    """(tokens in, tokens out, of those in the cached ones)."""
    told = draw(tokens)
    return told, draw(tokens), draw(st.integers(0, told))


@given(price=prices(), call=calls())
def test_cached_tokens_never_raise_a_cost_and_never_make_it_negative(
    price: Price, call: tuple[int, int, int]
) -> None:
    told, answered, _ = call
    assert 0 <= price.cost_usd(*call) <= price.cost_usd(told, answered)


@given(price=prices(), call=calls())
def test_a_cost_is_each_kind_of_token_at_its_own_price(
    price: Price, call: tuple[int, int, int]
) -> None:
    told, answered, cached = call
    rate = price.cached_input_usd_per_million
    each = (
        (told - cached) * price.input_usd_per_million,
        cached * (price.input_usd_per_million if rate is None else rate),
        answered * price.output_usd_per_million,
    )
    # Rounding is that of the cost without a cache, of which the saving is taken off.
    slack = 1e-9 * price.cost_usd(told, answered)
    assert price.cost_usd(*call) == pytest.approx(sum(each) / 1e6, rel=1e-9, abs=slack)


@given(price=prices(), call=calls())
def test_what_was_saved_is_the_difference_to_the_full_price(
    price: Price, call: tuple[int, int, int]
) -> None:
    told, answered, cached = call
    full = price.cost_usd(told, answered)
    assert price.cost_usd(*call) == full - price.saved_usd(cached)


@given(call=calls(), full=rates, out=rates)
def test_without_a_price_of_their_own_cached_tokens_cost_as_much_as_others(
    call: tuple[int, int, int], full: float, out: float
) -> None:
    price = Price(input_usd_per_million=full, output_usd_per_million=out)
    assert price.cost_usd(*call) == price.cost_usd(call[0], call[1])
    assert price.saved_usd(call[2]) == 0


@given(price=prices(), call=calls(), room=st.tuples(tokens, tokens))
def test_a_reservation_is_never_below_what_the_call_costs(
    price: Price, call: tuple[int, int, int], room: tuple[int, int]
) -> None:
    """However much of it is cached: nobody knows that before the call."""
    purse = Purse(price)
    bound = purse.bound(call[0] + room[0], call[1] + room[1])
    assert bound.usd >= price.cost_usd(*call)
    assert bound.usd == price.cost_usd(call[0] + room[0], call[1] + room[1])


@given(full=rates, more=st.floats(0.001, 10))
def test_cached_tokens_that_cost_more_than_others_are_refused(full: float, more: float) -> None:
    with pytest.raises(ValidationError, match="costs at most as much as another"):
        Price(
            input_usd_per_million=full,
            output_usd_per_million=1.0,
            cached_input_usd_per_million=full + more,
        )
