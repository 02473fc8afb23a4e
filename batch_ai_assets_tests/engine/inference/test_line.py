"""The line: nothing is lost or doubled in it, equal questions fly once, requests are full."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batch_ai_assets.engine.inference import line as line_module
from batch_ai_assets.engine.inference.divided import Divided
from batch_ai_assets.engine.inference.item import WorkItem, split_off
from batch_ai_assets.engine.inference.line import Line


def item(seq: int, question: str = "", tokens: int = 10, together: int = 1) -> WorkItem:
    """An item that asks `question`; one of its own where none is given."""
    asked = hashlib.sha256((question or f"question {seq}").encode()).digest()
    return WorkItem(seq, f"m{seq}", "text", b"", asked, tokens, 0, 1, together=together)


def packed(count: int, together: int, tokens: int = 10) -> list[WorkItem]:
    return [item(seq, tokens=tokens, together=together) for seq in range(count)]


def seqs(items: Iterable[WorkItem]) -> list[int]:
    return [one.seq for one in items]


def all_taken(line: Line) -> list[list[int]]:
    """Every request that can be taken now, its items by their numbers."""
    return [seqs(company) for company in iter(line.take, [])]


class AnySequence(RuleBasedStateMachine):
    """Whatever happens in whatever order, beside a list of what should be in line."""

    @initialize(
        together=st.integers(1, 5),
        room=st.integers(40, 240),
        weight=st.integers(0, 10),
        asks_once=st.booleans(),
    )
    def begin_work(self, together: int, room: int, weight: int, asks_once: bool) -> None:
        self.together, self.room, self.weight, self.asks_once = together, room, weight, asks_once
        self.line = Line(together, room, weight, asks_once=asks_once)
        self.waiting: deque[WorkItem] = deque()
        self.flying: list[list[WorkItem]] = []
        self.unasked: set[bytes] = set()
        """Questions that are answered: they must not be asked in this pass any more."""
        self.fed = self.aside = self.ended = self.fed_before = 0

    @precondition(lambda self: not self.line.ended)
    @rule(
        some=st.lists(
            st.tuples(st.integers(0, 12), st.integers(0, 60), st.integers(1, 8)),
            min_size=4, max_size=16,
        )
    )
    def feed(self, some: list[tuple[int, int, int]]) -> None:
        items = [
            item(self.fed + place, f"question {question}", tokens, 1 if one == 1 else self.together)
            for place, (question, tokens, one) in enumerate(some)
        ]
        self.fed += len(items)
        self.waiting.extend(items)
        self.line.feed(items)

    @precondition(lambda self: self.fed - self.fed_before > 30)
    @rule()
    def end(self) -> None:
        self.line.end()

    @rule()
    def take(self) -> None:
        few = len(self.waiting) < self.together and not self.line.ended
        company = self.line.take()
        if few:
            assert not company, "a request waits until there are enough to fill it"
            return
        self.check_order(company)
        if company:
            self.check_size(company)
            self.flying.append(company)
        else:
            assert not self.waiting, "there was something to be taken"

    def check_order(self, company: list[WorkItem]) -> None:
        """Taken from the head and in order; whoever was passed over had a reason to stand aside."""
        asked = {one.request_hash for some in self.flying for one in some} | self.unasked
        wanted = deque(company)
        while self.waiting and (wanted or self.asks_once):
            first = self.waiting[0]
            if wanted and first is wanted[0]:
                asked.add(wanted.popleft().request_hash)
            elif self.asks_once and first.request_hash in asked:
                if not wanted and len(self.waiting) == len(self.line):
                    break  # it was not looked at yet
                self.aside += 1
            else:
                break
            self.waiting.popleft()
        assert not wanted
        assert len(self.waiting) == len(self.line)

    def check_size(self, company: list[WorkItem]) -> None:
        """No more than may be, and no fewer than could be."""
        most = company[0].together
        assert all(one.together == most for one in company)
        assert len(company) <= most
        used = sum(one.tokens + self.weight for one in company)
        assert len(company) == 1 or used <= self.room
        if len(company) < most and self.waiting:
            following = self.waiting[0]
            fits = used + following.tokens + self.weight <= self.room
            assert following.together != most or not fits

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        for one in self.landed(data):
            self.line.answered(one)
            self.ended += 1
            if self.asks_once:
                self.unasked.add(one.request_hash)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def gave_up(self, data: st.DataObject) -> None:
        for one in self.landed(data):
            self.line.gave_up(one)
            self.ended += 1

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def back(self, data: st.DataObject) -> None:
        company = self.landed(data)
        self.line.back(company)
        self.waiting.extend(company)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        company = self.landed(data)
        smaller = [split_off(one, len(company)) for one in company]
        self.line.again(smaller)
        self.waiting.extendleft(reversed(smaller))

    def landed(self, data: st.DataObject) -> list[WorkItem]:
        return self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))

    @precondition(lambda self: self.line.ended)
    @rule()
    def begin_a_new_pass(self) -> None:
        self.fed_before = self.fed
        self.line.begin()
        assert not self.line.ended
        self.ended += len(self.waiting) + sum(map(len, self.flying))
        self.waiting.clear()
        self.flying.clear()
        self.unasked.clear()

    @invariant()
    def every_item_is_in_one_place(self) -> None:
        assert len(self.line) == len(self.waiting)
        assert self.line.followers == self.aside
        in_flight = seqs(one for company in self.flying for one in company)
        everywhere = [*in_flight, *seqs(self.waiting)]
        assert max(Counter(everywhere).values(), default=1) == 1
        assert self.fed == len(everywhere) + self.aside + self.ended
        assert self.line.empty == (self.line.ended and not self.waiting)

    @invariant()
    def equal_questions_never_fly_twice(self) -> None:
        if self.asks_once:
            flying = [one.request_hash for company in self.flying for one in company]
            assert len(set(flying)) == len(flying)
            assert self.unasked.isdisjoint(flying)

    def teardown(self) -> None:
        """Once all was fed, taking and answering comes to an end."""
        if not hasattr(self, "line"):
            return
        self.line.end()
        left = len(self.line) + self.line.followers
        taken = 0
        while company := self.line.take():
            taken += len(company)
            for one in company:
                self.line.answered(one)
        assert self.line.empty
        assert taken + self.line.followers == left


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_request_waits_until_it_is_full_or_no_more_will_come() -> None:
    line = Line(4, room=1000)
    line.feed(packed(3, 4))
    assert line.take() == []
    line.end()
    assert all_taken(line) == [[0, 1, 2]]
    assert line.empty


def test_items_leave_in_the_order_in_which_they_were_fed() -> None:
    line = Line(3, room=1000)
    line.feed(packed(7, 3))
    line.end()
    assert all_taken(line) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_document_that_fills_the_room_by_itself_goes_alone() -> None:
    line = Line(3, room=40, item_weight=2)
    line.feed([item(0, tokens=90, together=3), *packed(5, 3)[1:]])
    line.end()
    assert all_taken(line) == [[0], [1, 2, 3], [4]]


def test_one_that_must_go_alone_is_not_taken_along() -> None:
    line = Line(3, room=1000)
    line.feed([item(0, together=3), item(1, together=1), item(2, together=3)])
    line.end()
    assert all_taken(line) == [[0], [1], [2]]


def test_one_that_stands_aside_leaves_its_place_in_the_request_to_the_next() -> None:
    line = Line(3, room=36, item_weight=2)
    line.feed([item(seq, question, 10, 3) for seq, question in enumerate("aabac")])
    line.end()
    assert all_taken(line) == [[0, 2, 4]]
    assert line.followers == 2


def test_an_equal_question_may_be_asked_once_the_first_was_given_up() -> None:
    line = Line()
    line.feed([item(0, "same"), item(1, "same"), item(2, "same")])
    (first,) = line.take()
    line.gave_up(first)
    assert seqs(line.take()) == [1]
    assert line.take() == []
    assert line.followers == 1


def test_where_answers_are_wanted_anew_equal_questions_are_all_asked() -> None:
    line = Line(asks_once=False)
    line.feed([item(seq, "same") for seq in range(3)])
    assert all_taken(line) == [[0], [1], [2]]


def test_what_is_asked_again_goes_first_and_what_was_turned_away_last() -> None:
    line = Line()
    line.feed([item(seq) for seq in range(4)])
    first, second = line.take() + line.take()
    line.back([first])
    line.again([second])
    assert all_taken(line) == [[1], [2], [3], [0]]


def test_what_is_asked_again_keeps_its_order() -> None:
    line = Line(4, room=1000)
    line.feed(packed(6, 4))
    line.end()
    company = line.take()
    line.again([split_off(one, 4) for one in company])
    assert all_taken(line) == [[0, 1], [2, 3], [4, 5]]


def test_an_answer_is_forgotten_only_after_more_than_are_ever_in_line() -> None:
    line = Line()

    def ask(seq: int, question: str) -> bool:
        line.feed([item(seq, question)])
        taken = line.take()
        for one in taken:
            line.answered(one)
        return bool(taken)

    most = line_module._RECENT
    assert ask(0, "first")
    assert all(ask(seq, f"other {seq}") for seq in range(1, most))
    assert not ask(most, "first")
    assert ask(most + 1, "one more")
    assert ask(most + 2, "first")


def test_a_new_pass_begins_with_nothing_in_line_and_nothing_under_way() -> None:
    line = Line()
    line.feed([item(0, "same"), item(1)])
    line.take()
    line.end()
    line.begin()
    assert (len(line), line.ended, line.empty) == (0, False, False)
    line.feed([item(2, "same")])
    assert seqs(line.take()) == [2]


def test_the_other_parts_of_a_document_that_is_dead_are_not_asked() -> None:
    whole = Divided(0, "m0", "long", b"", 0, ())
    parts = [item(0), item(0, "part two")]
    for number, part in enumerate(parts):
        part.part, part.whole = number + 1, whole
    line = Line()
    line.feed([*parts, item(1)])
    line.take()
    whole.dead = True
    assert all_taken(line) == [[1]]
    assert line.followers == 0
