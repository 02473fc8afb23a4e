"""The job's own ceiling: never more than the rate and a small burst, all of it on demand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.limiter import BURST_SECONDS, Limiter

rates = st.integers(1, 200_000)
demands = st.lists(
    st.tuples(st.floats(0, 3.0), st.integers(1, 5_000)),  # pause before asking, tokens
    min_size=1,
    max_size=120,
)


def admitted(limiter: Limiter, demand: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """(time, tokens) of every request let through, each waiting as long as it is told."""
    now, passed = 0.0, []
    for pause, tokens in demand:
        now += pause
        while (wait := limiter.wait(now)) > 0.0:
            now += wait
        limiter.take(now, tokens)
        passed.append((now, tokens))
    return passed


@given(rpm=rates, demand=demands)
def test_in_any_window_no_more_requests_leave_than_rate_and_burst_allow(
    rpm: int, demand: list[tuple[float, int]]
) -> None:
    times = [at for at, _ in admitted(Limiter(requests_per_minute=rpm), demand)]
    for first, last in itertools.combinations(range(len(times)), 2):
        window = times[last] - times[first]
        allowed = rpm / 60 * (window + BURST_SECONDS) + 1
        assert last - first + 1 <= allowed * (1 + 1e-9) + 1e-6


@given(tpm=rates, demand=demands)
def test_in_any_window_no_more_tokens_leave_than_rate_burst_and_one_request_allow(
    tpm: int, demand: list[tuple[float, int]]
) -> None:
    passed = admitted(Limiter(tokens_per_minute=tpm), demand)
    for first in range(len(passed)):
        used = 0
        for last in range(first, len(passed)):
            window = passed[last][0] - passed[first][0]
            # What is beyond the burst is paid off before the next request leaves.
            assert used <= tpm / 60 * (window + BURST_SECONDS) * (1 + 1e-9) + 1e-6
            used += passed[last][1]


@given(rpm=st.integers(60, 200_000))
def test_under_steady_demand_the_whole_rate_is_used(rpm: int) -> None:
    limiter, number = Limiter(requests_per_minute=rpm), 300
    last = admitted(limiter, [(0.0, 1)] * number)[-1][0]
    assert last <= (number - 1) * 60 / rpm + 1e-6
    assert last >= (number - 1) * 60 / rpm - BURST_SECONDS - 1e-6


def test_a_long_pause_earns_nothing() -> None:
    limiter = Limiter(requests_per_minute=600)
    first = admitted(limiter, [(0.0, 1), (3600.0, 1)])[-1][0]
    times = []
    now = first
    while now < first + 1.0:
        wait = limiter.wait(now)
        if wait == 0.0:
            limiter.take(now, 1)
            times.append(now)
        now += wait or 1e-9
    assert len(times) <= 10 * (1 + BURST_SECONDS) + 1


def test_without_limits_everything_leaves_at_once() -> None:
    limiter = Limiter()
    assert admitted(limiter, [(0.0, 10**9)] * 1000)[-1][0] == 0.0


@given(guess=st.integers(1, 5000), used=st.integers(1, 5000))
def test_a_wrong_guess_is_put_right_by_what_was_used(guess: int, used: int) -> None:
    guessed, exact = (Limiter(tokens_per_minute=60_000) for _ in range(2))
    guessed.take(0.0, guess)
    guessed.correct(used - guess)
    exact.take(0.0, used)
    assert guessed.wait(0.0) == pytest.approx(exact.wait(0.0), abs=1e-9)


def test_both_rates_hold_at_once() -> None:
    limiter = Limiter(requests_per_minute=60, tokens_per_minute=60_000)
    slow_by_requests = admitted(limiter, [(0.0, 1)] * 11)[-1][0]
    assert slow_by_requests == pytest.approx(10.0, abs=0.2)
    limiter = Limiter(requests_per_minute=60_000, tokens_per_minute=60)
    slow_by_tokens = admitted(limiter, [(0.0, 1)] * 11)[-1][0]
    assert slow_by_tokens == pytest.approx(10.0, abs=0.2)


def test_it_says_how_many_calls_it_lets_through_in_a_while() -> None:
    limiter = Limiter(requests_per_minute=600, tokens_per_minute=60_000)
    assert limiter.calls_within(2.0, tokens=50) == pytest.approx(20)
    assert limiter.calls_within(2.0, tokens=500) == pytest.approx(4)
    assert Limiter().calls_within(2.0, tokens=500) == float("inf")
