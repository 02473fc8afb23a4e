"""What a provider key is kept to: what is declared, told, and suffered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.news import News
from batch_ai_assets.engine.inference.rates import (
    EASE,
    GAP_SECONDS,
    LEAST,
    TOLD_COUNTS_SECONDS,
    declared_limits,
    eased,
    heard,
    rates,
)
from batch_ai_assets.engine.spec.provider import ProviderLimits
from batch_ai_assets.engine.state.send_slots import Dimension, Page, Track

D = Dimension
NOW = 1_800_000_000.0
DECLARED = {D.REQUESTS: 12.0}


def turned_away(page: Page, now: float, calls: int = 1, **more: object) -> Page:
    kept = rates(page, DECLARED, now)
    news = News(turned_away=calls, sent_ago=0.1, kept=kept, **more)  # type: ignore[arg-type]
    return heard(page, news, DECLARED, now)[0]


def test_limits_are_declared_per_minute_and_kept_per_second() -> None:
    limits = ProviderLimits(
        requests_per_minute=60, input_tokens_per_minute=6_000, output_tokens_per_minute=600
    )
    assert declared_limits(limits) == {D.REQUESTS: 1.0, D.TOKENS_IN: 100.0, D.TOKENS_OUT: 10.0}
    assert declared_limits(ProviderLimits()) == {}


def test_a_lower_limit_that_the_provider_tells_is_adopted_and_a_higher_one_is_not() -> None:
    page, kept = heard(Page(), News(told={D.REQUESTS: 10.0}), DECLARED, NOW)
    assert kept == {D.REQUESTS: 10.0}
    page, kept = heard(page, News(told={D.REQUESTS: 100.0}), DECLARED, NOW)
    assert kept == DECLARED


def test_where_nothing_is_declared_what_is_told_is_kept_to() -> None:
    page, kept = heard(Page(), News(told={D.TOKENS: 500.0}), {}, NOW)
    assert kept == {D.TOKENS: 500.0}
    assert rates(page, {}, NOW + TOLD_COUNTS_SECONDS + 1) == {}


def test_a_hold_is_never_shortened() -> None:
    page, _ = heard(Page(), News(hold_seconds=30.0), {}, NOW)
    page, _ = heard(page, News(hold_seconds=1.0), {}, NOW)
    assert page.held_until == NOW + 30.0


def test_a_429_that_tells_the_limit_lowers_to_it_and_no_further() -> None:
    page = turned_away(Page(), NOW, told={D.REQUESTS: 10.0})
    assert rates(page, DECLARED, NOW) == {D.REQUESTS: 10.0}
    # Of the same burst: sent before the limit was known.
    page = turned_away(page, NOW + 0.05, told={D.REQUESTS: 10.0})
    assert rates(page, DECLARED, NOW + 0.05) == {D.REQUESTS: 10.0}


def test_a_burst_that_tells_nothing_eases_the_rate_a_little_and_once() -> None:
    page = Page()
    for step in range(10):
        page = turned_away(page, NOW + step / 100)
    assert rates(page, DECLARED, NOW + 0.1)[D.REQUESTS] == pytest.approx(EASE * 12.0, rel=1e-3)
    page = turned_away(page, NOW + 1.0)
    assert rates(page, DECLARED, NOW + 1.0)[D.REQUESTS] == pytest.approx(EASE**2 * 12, rel=1e-3)
    assert turned_away(Page(), NOW, calls=5).eased == EASE


def test_a_single_429_now_and_then_may_be_a_documents_own_and_eases_nothing() -> None:
    page = Page()
    for step in range(10):
        page = turned_away(page, NOW + 11.0 * step)
    assert page.eased == 1.0


def test_a_process_that_has_not_heard_of_a_lower_rate_proves_nothing_against_it() -> None:
    page, _ = heard(Page(), News(told={D.REQUESTS: 10.0}), DECLARED, NOW)
    for kept in (DECLARED, {}):
        page, _ = heard(page, News(turned_away=9, kept=kept), DECLARED, NOW + 1.0)
    assert page.eased == 1.0


def test_where_no_rate_is_kept_to_there_is_none_to_ease() -> None:
    page, kept = heard(Page(), News(turned_away=5, sent_ago=0.1), {}, NOW)
    assert (page.eased, kept) == (1.0, {})


def test_the_rate_creeps_up_again_and_is_whole_within_ten_minutes() -> None:
    page = Page(eased_at=NOW, eased=LEAST)
    parts = [eased(page, NOW + seconds) for seconds in range(0, 601, 10)]
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (LEAST, 1.0)
    nearly_right = Page(eased_at=NOW, eased=EASE)
    assert eased(nearly_right, NOW + 60) < 1.0


def test_after_a_429_the_bucket_may_fill_for_a_moment() -> None:
    page = Page(tracks={D.REQUESTS: Track(tat=NOW)})
    page = turned_away(page, NOW, hold_seconds=2.0)
    assert page.tracks[D.REQUESTS].tat == NOW + 2.0 + GAP_SECONDS


@given(
    news=st.lists(
        st.tuples(
            st.floats(0, 100),
            st.builds(
                News,
                hold_seconds=st.floats(0, 10),
                told=st.none() | st.dictionaries(st.sampled_from(D), st.floats(0.1, 100)),
                turned_away=st.integers(0, 3),
                sent_ago=st.floats(0, 5),
            ),
        )
    )
)
def test_whatever_is_heard_the_rate_is_above_nothing_and_never_above_what_is_declared(
    news: list[tuple[float, News]],
) -> None:
    page, now = Page(), NOW
    for pause, one in news:
        now += pause
        page, kept = heard(page, one, DECLARED, now)
        assert 0.0 < kept[D.REQUESTS] <= DECLARED[D.REQUESTS]
