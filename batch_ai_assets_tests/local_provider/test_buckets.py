from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.local_provider.buckets import RateLimits, duration


@given(
    st.integers(1, 6000),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 500)), min_size=1, max_size=200),
)
def test_never_more_than_rate_times_time_plus_burst_and_one_request_gets_through(
    per_minute: int, arrivals: list[tuple[float, int]]
) -> None:
    limits = RateLimits(None, per_minute, 1.0, now=0.0)
    now, taken = 0.0, 0
    for gap, tokens in arrivals:
        now += gap
        if limits.admit(tokens, now) is None:
            taken += tokens
        assert taken <= per_minute / 60 * now + max(1, per_minute / 60) + 500 + 1e-6


@given(st.integers(1, 60_000), st.randoms(use_true_random=False))
def test_a_client_at_the_exact_rate_with_a_little_jitter_is_never_refused(
    per_minute: int, random: object
) -> None:
    limits = RateLimits(per_minute, None, 1.0, now=0.0)
    gap = 60 / per_minute
    for number in range(300):
        jitter = random.uniform(-0.4, 0.4) * min(1.0, gap)  # type: ignore[attr-defined]
        assert limits.admit(1, 10 + number * gap + jitter) is None


def test_after_the_retry_after_that_it_was_told_a_client_is_let_in() -> None:
    limits = RateLimits(60, 1000, 1.0, now=0.0)
    now = 0.0
    while (refused := limits.admit(400, now)) is None:
        pass
    assert limits.admit(400, now + refused.retry_after_seconds - 0.01) is not None
    assert limits.admit(400, now + refused.retry_after_seconds) is None


def test_usage_beyond_the_estimate_is_charged_afterwards() -> None:
    limits = RateLimits(None, 60, 1.0, now=0.0)
    assert limits.admit(1, 0.0) is None
    limits.settle(30)
    refused = limits.admit(1, 0.0)
    assert refused is not None
    assert refused.limit == "tokens"
    assert refused.retry_after_seconds == pytest.approx(30, abs=0.1)


def test_headers_say_limit_rest_and_reset_as_openai_does() -> None:
    limits = RateLimits(600, 60_000, 1.0, now=0.0)
    limits.admit(500, 0.0)
    assert limits.headers(0.0).decode().splitlines() == [
        "x-ratelimit-limit-requests: 600",
        "x-ratelimit-remaining-requests: 9",
        "x-ratelimit-reset-requests: 100ms",
        "x-ratelimit-limit-tokens: 60000",
        "x-ratelimit-remaining-tokens: 500",
        "x-ratelimit-reset-tokens: 500ms",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.02, "20ms"), (1.5, "1.5s"), (360, "6m0s"), (61.5, "1m1.5s")],
)
def test_durations_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
