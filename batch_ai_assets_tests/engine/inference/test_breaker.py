"""The breaker: opens on failures in a row, closes on success, gives up after the patience."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.breaker import THRESHOLD, Breaker

events = st.lists(st.sampled_from(["success", "failure"]), max_size=60)


@given(events=events)
def test_it_is_open_exactly_while_enough_failed_in_a_row(events: list[str]) -> None:
    breaker, in_a_row = Breaker(60.0), 0
    for now, event in enumerate(events):
        if event == "success":
            breaker.success(float(now))
            in_a_row = 0
        else:
            breaker.failure(float(now), "HTTP 503")
            in_a_row += 1
        assert breaker.open == (in_a_row >= THRESHOLD)


@given(events=events, patience=st.floats(1, 40))
def test_it_gives_up_only_without_a_success_for_the_whole_patience(
    events: list[str], patience: float
) -> None:
    breaker, since, in_a_row = Breaker(patience), None, 0
    for now, event in enumerate(events):
        if event == "success":
            breaker.success(float(now))
            since, in_a_row = None, 0
        else:
            breaker.failure(float(now), "HTTP 503")
            since = now if since is None else since
            in_a_row += 1
        away = since is not None and now - since >= patience and in_a_row >= THRESHOLD
        assert breaker.give_up(float(now)) == away


def test_a_refused_connection_opens_it_at_once() -> None:
    breaker = Breaker(5.0)
    breaker.failure(0.0, "refused", away=True)
    assert breaker.open
    assert not breaker.give_up(4.9)
    assert breaker.give_up(5.0)
    breaker.success(5.0)
    assert not breaker.open


def test_pauses_double_up_to_a_bound_and_begin_anew_after_a_success() -> None:
    breaker, now, pauses = Breaker(600.0), 0.0, []
    for _ in range(8):
        pauses.append(breaker.next_pause(now))
        now += pauses[-1]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]
    breaker.success(now)
    assert breaker.next_pause(now) == 0.5


def test_the_failures_of_one_probe_share_its_pause() -> None:
    breaker = Breaker(600.0)
    assert breaker.next_pause(0.0) == 0.5
    assert breaker.next_pause(0.2) == 0.3
    assert breaker.next_pause(0.5) == 1.0


def test_it_says_what_was_met_last() -> None:
    breaker = Breaker(1.0)
    breaker.failure(0.0, "HTTP 500")
    breaker.failure(0.1, "HTTP 503")
    assert breaker.last_message == "HTTP 503"


def test_an_answer_to_a_call_from_before_the_trouble_does_not_close_it() -> None:
    breaker = Breaker(60.0)
    for _ in range(THRESHOLD):
        breaker.failure(10.0, "HTTP 503")
    breaker.success(sent_at=9.9)
    assert breaker.open
    breaker.success(sent_at=10.5)
    assert not breaker.open
