"""Bookings and slots: whoever books, and in whatever order, nobody passes the rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.booking import (
    BURST_SECONDS,
    IDLE_SECONDS,
    SLICE_SECONDS,
    WEIGHTS,
    Cost,
    Grant,
    Wish,
    book,
    give_back,
    weight,
)
from batch_ai_assets.engine.inference.slots import LATE_SECONDS, NONE, Slots
from batch_ai_assets.engine.state.send_slots import Asker, Dimension, Page

D = Dimension
NOW = 1_800_000_000.0
CRUMB = 1e-5
"""Times since 1970 are not kept more exactly than to a third of a millionth of a second."""


def wish(
    process: str = "a",
    calls: int = 1,
    declared: Mapping[D, float] | None = None,
    cost: Cost = (100.0, 50.0),
    **changes: object,
) -> Wish:
    plain = Wish(
        process=process,
        priority="normal",
        waited=0.0,
        waiting=[cost] * calls,
        expected=0,
        usual=cost,
        declared={D.REQUESTS: 10.0} if declared is None else declared,
        owed={},
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


class Crowd:
    """Processes that book on one page and use what they have got."""

    def __init__(self, declared: Mapping[D, float]) -> None:
        self.page, self.now = Page(), NOW
        self.declared = declared
        self.slots = {name: Slots() for name in "abcd"}
        self.left: list[tuple[float, Cost]] = []

    def book(self, name: str, calls: int, cost: Cost) -> None:
        owed = self.slots[name].take_owed()
        asked = wish(name, calls, self.declared, cost, owed=owed)
        self.page, grant = book(self.page, asked, self.now)
        if grant.spans:
            self.slots[name].add(grant.spans, grant.calls, 0.0)

    def use(self, name: str, most: int, cost: Cost) -> None:
        """Send what may leave now."""
        for _ in range(most):
            if self.slots[name].wait(self.now) > 0.0:
                return
            self.slots[name].take(*cost)
            self.left.append((self.now, cost))


names = st.sampled_from("abcd")
costs = st.tuples(st.floats(1, 400), st.floats(0, 200))
Move = tuple[str, str, float, int, Cost]
steps = st.lists(
    st.tuples(
        names, st.sampled_from(["book", "use", "use"]), st.floats(0, 0.4), st.integers(1, 30), costs
    ),
    max_size=60,
)


def played(declared: Mapping[D, float], moves: Sequence[Move]) -> Crowd:
    crowd = Crowd(declared)
    for name, what, pause, calls, cost in moves:
        crowd.now += pause
        if what == "book":
            crowd.book(name, calls, cost)
        crowd.use(name, calls, cost)
    return crowd


def most_beyond(rate: float, left: Sequence[tuple[float, float]]) -> float:
    """The most units that any window has beyond the rate, over all windows; the last call of a
    window does not count: it is paid off before the next one leaves."""
    beyond, used, lowest = 0.0, 0.0, float("inf")
    for at, units in left:
        level = used - rate * (at - NOW)
        lowest = min(lowest, level)
        beyond = max(beyond, level - lowest)
        used += units
    return beyond


@given(rate=st.floats(0.5, 500), moves=steps)
def test_however_processes_interleave_no_window_has_more_than_rate_and_burst(
    rate: float, moves: list[Move]
) -> None:
    left = [(at, 1.0) for at, _ in played({D.REQUESTS: rate}, moves).left]
    assert most_beyond(rate, left) <= rate * (LATE_SECONDS + CRUMB)


@given(rate=st.floats(100, 50_000), moves=steps)
def test_no_window_has_more_tokens_than_rate_burst_and_one_call_of_each_process(
    rate: float, moves: list[Move]
) -> None:
    left = [(at, sum(cost)) for at, cost in played({D.TOKENS: rate}, moves).left]
    assert most_beyond(rate, left) <= rate * (LATE_SECONDS + CRUMB) + 4 * 600


@given(rate=st.floats(2, 300), crowd=st.lists(st.integers(10, 40), min_size=2, max_size=4))
@settings(max_examples=25)
def test_while_all_of_them_wait_the_whole_rate_is_booked(rate: float, crowd: list[int]) -> None:
    page, now, got = Page(), NOW, 0
    for _ in range(200):
        for name, calls in zip("abcd", crowd, strict=False):
            page, grant = book(page, wish(name, calls, {D.REQUESTS: rate}), now)
            got += grant.calls
        now += 0.02
    assert got >= rate * 4.0 - 1
    ahead = BURST_SECONDS + SLICE_SECONDS + len(crowd) * IDLE_SECONDS
    assert got <= rate * (4.0 + ahead) + 2 * len(crowd)


def test_a_booking_begins_where_the_last_one_ended() -> None:
    page, first = book(Page(), wish("a", 5), NOW)
    page, second = book(page, wish("b", 5), NOW)
    (one,), (other,) = first.spans, second.spans
    assert one.start == NOW - BURST_SECONDS
    assert other.start == one.end


def test_a_pause_earns_no_more_than_a_moment() -> None:
    page, _ = book(Page(), wish("a", 1), NOW)
    _, grant = book(page, wish("a", 5), NOW + 3600)
    assert grant.spans[0].start == NOW + 3600 - BURST_SECONDS


def test_without_a_limit_nothing_is_booked_and_everything_may_leave() -> None:
    page, grant = book(Page(), wish("a", 5, {}), NOW)
    assert (grant.spans, grant.rates) == ((), {})
    assert page.tracks == {}


def test_low_demand_books_no_more_than_waits() -> None:
    _, grant = book(Page(), wish("a", 2, {D.REQUESTS: 1000.0}), NOW)
    assert grant.calls == 2
    _, grant = book(Page(), wish("a", 2, {D.REQUESTS: 1000.0}, expected=9), NOW)
    assert grant.calls == 9


def test_where_others_wait_nobody_books_for_calls_to_come() -> None:
    page, _ = book(Page(), wish("b", 60, {D.REQUESTS: 100.0}), NOW)
    _, grant = book(page, wish("a", 2, {D.REQUESTS: 100.0}, expected=9), NOW)
    assert grant.contended
    assert grant.calls == 2


@pytest.mark.parametrize("rate", [0.2, 1.0, 7.0, 100.0])
@pytest.mark.parametrize("heavy", ["normal", "urgent"])
def test_shares_go_by_weight_at_any_rate(rate: float, heavy: str) -> None:
    page, now, got = Page(), NOW, {"a": 0, "b": 0}
    step = max(0.02, 0.04 / rate)
    for _ in range(int(400 / rate / step)):
        for name, priority in (("a", heavy), ("b", "low")):
            asked = wish(name, 40, {D.REQUESTS: rate}, priority=priority)
            page, grant = book(page, asked, now)
            got[name] += grant.calls
        now += step
    expected = WEIGHTS[heavy] / (WEIGHTS[heavy] + WEIGHTS["low"])
    assert got["a"] / sum(got.values()) == pytest.approx(expected, abs=0.06)


def test_whoever_is_kept_waiting_weighs_more_until_it_weighs_as_much_as_the_urgent() -> None:
    low, urgent = (Asker(name, NOW, 0.0, 0.0) for name in ("low", "urgent"))
    assert weight(urgent, NOW) == 64 * weight(low, NOW)
    assert weight(low, NOW + 630) == pytest.approx(weight(urgent, NOW))


def test_a_process_that_no_longer_asks_has_no_share() -> None:
    page, _ = book(Page(), wish("b"), NOW)
    page, grant = book(page, wish("a"), NOW)
    assert grant.share == 0.5
    page, grant = book(page, wish("a"), NOW + 5)
    assert (grant.share, grant.askers) == (1.0, 1)
    assert set(page.askers) == {"a"}


def test_what_one_dimension_has_before_another_begins_is_out_of_reach() -> None:
    limits = {D.REQUESTS: 100.0, D.TOKENS: 1000.0}
    page, first = book(Page(), wish("a", 20, limits, cost=(100.0, 0.0)), NOW)
    page, second = book(page, wish("a", 1, limits, cost=(100.0, 0.0)), NOW)
    starts = {span.dimension: span.start for span in second.spans}
    ends = {span.dimension: span.end for span in first.spans}
    assert starts[D.TOKENS] == ends[D.TOKENS]
    assert starts[D.REQUESTS] == pytest.approx(starts[D.TOKENS] - BURST_SECONDS)


def test_a_call_larger_than_a_slice_is_booked_whole() -> None:
    _, grant = book(Page(), wish("a", 3, {D.TOKENS: 100.0}, cost=(5_000.0, 0.0)), NOW)
    assert grant.calls == 1
    assert grant.spans[0].end - grant.spans[0].start == pytest.approx(50.0)


def test_where_nothing_is_due_it_says_when_to_ask_again() -> None:
    limits = {D.REQUESTS: 1.0}
    page, _ = book(Page(), wish("b", 9, limits), NOW)
    page, _ = book(page, wish("a", 9, limits), NOW)
    page, grant = book(page, wish("a", 9, limits), NOW)
    assert grant.spans == ()
    assert NOW < grant.ask_at <= NOW + 2.0
    _, grant = book(page, wish("a", 9, limits), grant.ask_at)
    assert grant.calls == 1


def test_when_the_clock_is_set_back_what_is_booked_moves_with_it() -> None:
    page, first = book(Page(), wish("a", 2), NOW)
    _, second = book(page, wish("b", 2), NOW - 3600)
    assert second.spans[0].start == pytest.approx(first.spans[0].end - 3600, abs=CRUMB)


# Using what is booked, and giving back.


def granted(calls: int, limits: Mapping[D, float], cost: Cost = (100.0, 0.0)) -> tuple[Page, Grant]:
    return book(Page(), wish("a", calls, limits, cost), NOW)


def test_slots_come_up_one_after_the_other_and_are_gone_when_nobody_comes() -> None:
    _, grant = granted(2, {D.REQUESTS: 10.0})
    slots = Slots()
    slots.add(grant.spans, grant.calls, ahead=NOW)
    assert slots.wait(-0.05) == pytest.approx(0.0)
    slots.take(1, 1)
    assert slots.wait(-0.05) == pytest.approx(0.05, abs=CRUMB)
    assert slots.wait(0.0 + LATE_SECONDS + 0.11) == NONE


@given(calls=st.integers(1, 60), rate=st.floats(10, 50_000))
def test_every_slot_that_is_booked_can_be_used(calls: int, rate: float) -> None:
    _, grant = granted(calls, {D.REQUESTS: rate})
    slots, now, used = Slots(), 0.0, 0
    slots.add(grant.spans, grant.calls, ahead=NOW)
    while (seconds := slots.wait(now)) != NONE:
        now += seconds
        if seconds == 0.0:
            slots.take(1, 1)
            used += 1
    assert used == grant.calls


def test_a_call_that_takes_more_than_was_booked_owes_it_to_the_next_booking() -> None:
    page, grant = granted(1, {D.TOKENS: 1000.0})
    slots = Slots()
    slots.add(grant.spans, grant.calls, ahead=0.0)
    slots.take(300.0, 0.0)  # 100 were booked
    slots.correct((50.0, 0.0))  # and 350 were used
    assert slots.wait(NOW) == NONE
    owed = slots.take_owed()
    assert owed[D.TOKENS] == pytest.approx(250.0, abs=0.01)
    _, second = book(page, wish("a", 1, {D.TOKENS: 1000.0}, owed=owed), NOW)
    assert second.spans[0].start == pytest.approx(grant.spans[0].end + 0.25, abs=CRUMB)


def test_a_call_that_was_let_through_and_did_not_leave_gives_its_slot_back() -> None:
    _, grant = granted(1, {D.REQUESTS: 10.0, D.TOKENS: 1000.0})
    slots = Slots()
    slots.add(grant.spans, grant.calls, ahead=0.0)
    slots.take(100.0, 0.0)
    slots.undo(100.0, 0.0)
    assert slots.calls == 1
    assert slots.wait(NOW) == 0.0


@given(used=st.integers(0, 20))
def test_unused_slots_of_the_newest_booking_flow_back(used: int) -> None:
    page, grant = granted(20, {D.REQUESTS: 100.0, D.TOKENS: 10_000.0})
    slots = Slots()
    slots.add(grant.spans, grant.calls, ahead=NOW)
    for _ in range(used):
        slots.take(100.0, 0.0)
    page = give_back(page, "a", slots.drop(), slots.take_owed(), NOW)
    assert page.askers == {}
    for dimension in (D.REQUESTS, D.TOKENS):
        tat = page.tracks[dimension].tat
        assert tat == pytest.approx(NOW - BURST_SECONDS + used / 100.0, abs=CRUMB)


def test_behind_an_unused_booking_others_keep_what_they_have() -> None:
    page, grant = granted(20, {D.REQUESTS: 100.0})
    page, other = book(page, wish("b", 10, {D.REQUESTS: 100.0}), NOW)
    slots = Slots()
    slots.add(grant.spans, grant.calls, ahead=NOW)
    page = give_back(page, "a", slots.drop(), {}, NOW)
    assert page.tracks[D.REQUESTS].tat == other.spans[0].end
