"""What providers tell of their limits, each in its own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from batch_ai_assets.engine.inference.rate_headers import told_limits
from batch_ai_assets.engine.state.send_slots import Dimension
from batch_ai_assets.local_provider.buckets import RateLimits

D = Dimension
OPENAI = {
    "x-ratelimit-limit-requests": "600",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-requests": "599",
    "x-ratelimit-reset-requests": "100ms",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-reset": "2026-11-22T01:02:03Z",
    "anthropic-ratelimit-tokens-limit": "48000",
    "anthropic-ratelimit-input-tokens-limit": "40000",
    "anthropic-ratelimit-output-tokens-limit": "8000",
}


def test_tokens_sent_and_answered_are_kept_apart_where_the_provider_does() -> None:
    assert told_limits(ANTHROPIC) == {
        D.REQUESTS: pytest.approx(50 / 60),
        D.TOKENS_IN: pytest.approx(40_000 / 60),
        D.TOKENS_OUT: pytest.approx(8_000 / 60),
    }


def test_a_limit_that_takes_longer_than_a_minute_to_be_whole_is_not_one_of_a_minute() -> None:
    assert told_limits(OPENAI) == {D.REQUESTS: pytest.approx(10.0)}
    a_day = {"x-ratelimit-limit-requests": "14400", "x-ratelimit-reset-requests": "2m59.56s"}
    assert told_limits(a_day) == {}


@pytest.mark.parametrize("reset", ["59s", "1m0s", "20ms", "1.5s", "0s", "12", "", "soon"])
def test_a_limit_of_a_minute_is_taken_whenever_it_is_whole_again(reset: str) -> None:
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": reset}
    assert told_limits(headers) == {D.REQUESTS: 1.0}


@pytest.mark.parametrize("limit", ["", "0", "-5", "none", "inf", "nan", "1e400"])
def test_what_is_no_limit_is_left_alone(limit: str) -> None:
    assert told_limits({"x-ratelimit-limit-requests": limit}) == {}


def test_names_are_found_in_any_case() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"X-RateLimit-Limit-Requests": "120"}))
    assert told_limits(headers) == {D.REQUESTS: 2.0}


def test_the_local_provider_is_understood() -> None:
    lines = RateLimits(600, 60_000, 1.0, 0.0).headers(0.0).decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines if line)
    assert told_limits(headers) == {D.REQUESTS: 10.0, D.TOKENS: 1000.0}


@given(limit=st.text(max_size=12), reset=st.text(max_size=12))
def test_no_header_is_too_strange(limit: str, reset: str) -> None:
    headers = {"x-ratelimit-limit-tokens": limit, "x-ratelimit-reset-tokens": reset}
    assert all(rate > 0.0 for rate in told_limits(headers).values())
