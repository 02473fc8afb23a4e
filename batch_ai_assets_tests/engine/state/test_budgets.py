"""Accounts: spent and held money never pass a limit together, whoever draws, whoever dies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batch_ai_assets.engine.state.budgets import Limit, of_month, of_version
from batch_ai_assets.engine.state.funds import Bound, Drawn
from batch_ai_assets.engine.state.rows import Plan
from batch_ai_assets.engine.state.store import StateStore

from .conftest import Clock, fresh_store, planned

NONE = Bound(0.0, 0)


def draw(
    store: StateStore, plan: Plan, run: str, wish: Bound, *limits: Limit, settled: Bound = NONE
) -> Drawn:
    return store.database.run(
        lambda connection: store.budgets.draw(connection, plan, run, limits, settled, wish)
    )


def of_batch(plan: Plan, usd: float | None, tokens: int | None = None) -> Limit:
    return Limit(of_version(plan), usd, tokens, "the limit")


def test_a_draw_brings_what_every_limit_has_room_for(store: StateStore) -> None:
    plan = planned(store)
    month = Limit("2026-11/job/topics", 0.5, None, "the cap")
    drawn = draw(store, plan, "a", Bound(0.7, 100), of_batch(plan, 1.0, 60), month)
    assert (drawn.usd, drawn.tokens) == (0.5, 60)
    assert (drawn.room_usd, drawn.usd_limit) == (0.0, "the cap")
    assert (drawn.room_tokens, drawn.tokens_limit) == (0.0, "the limit")


def test_what_was_spent_is_held_no_more(store: StateStore) -> None:
    plan = planned(store)
    draw(store, plan, "a", Bound(0.4, 40), of_batch(plan, 1.0))
    draw(store, plan, "a", NONE, of_batch(plan, 1.0), settled=Bound(0.3, 30))
    stands = store.budgets.version(plan)
    assert (stands.spent_usd, stands.spent_tokens) == (0.3, 30)
    assert stands.held_usd == pytest.approx(0.1)
    assert stands.held_tokens == 10


def test_what_is_not_spent_goes_back_at_the_end(store: StateStore) -> None:
    plan = planned(store)
    draw(store, plan, "a", Bound(0.4, 40), of_batch(plan, 1.0))
    store.budgets.end(plan, "a")
    stands = store.budgets.version(plan)
    assert (stands.held_usd, stands.held_tokens, stands.spent_usd) == (0.0, 0, 0.0)


def test_what_a_dead_run_held_is_taken_for_spent(store: StateStore) -> None:
    plan = planned(store)
    draw(store, plan, "dead", Bound(0.4, 40), of_batch(plan, 1.0))
    stands = store.budgets.begin(plan, "next")
    assert (stands.spent_usd, stands.spent_tokens, stands.held_usd) == (0.4, 40, 0.0)
    assert store.budgets.written_off(plan) == Bound(0.4, 40)
    assert store.budgets.begin(plan, "next") == stands, "once"


def test_a_new_month_begins_with_nothing_spent(store: StateStore, clock: Clock) -> None:
    plan = planned(store)

    def capped() -> tuple[Limit, ...]:
        month = Limit(of_month("job", "topics", clock.now), 0.5, None, "the cap")
        return (of_batch(plan, 9.0), month)

    first = of_month("job", "topics", clock.now)
    draw(store, plan, "a", Bound(0.5, 0), *capped())
    assert draw(store, plan, "a", Bound(0.5, 0), *capped(), settled=Bound(0.4, 0)).usd == 0.0
    clock.now += 40 * 86400
    assert draw(store, plan, "a", Bound(0.3, 0), *capped()).usd == 0.3
    assert store.budgets.standing(first).held_usd == pytest.approx(0.0)
    assert store.budgets.standing(first).spent_usd == pytest.approx(0.4)
    now = store.budgets.standing(of_month("job", "topics", clock.now))
    assert (now.spent_usd, now.held_usd) == (0.0, pytest.approx(0.4))


@dataclass
class Spender:
    """A run as the accounts see it: what it drew, and what it has spent of it since."""

    batch: str
    free: float = 0.0
    unsettled: float = 0.0
    spent: float = field(default=0.0)


class Spending(RuleBasedStateMachine):
    """Four batches of one job under one cap, whose runs draw, spend, end and die at any time."""

    BATCH, MONTH = 1.0, 2.5

    def __init__(self) -> None:
        super().__init__()
        self.context = fresh_store()
        self.store = self.context.__enter__()
        self.plans = [planned(self.store, batch=f"b{number}") for number in range(4)]
        self.runs: dict[int, Spender] = {}
        self.number = 0
        self.billed = [0.0] * 4
        self.crashed = False

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)

    def limits(self, place: int) -> Sequence[Limit]:
        return (
            of_batch(self.plans[place], self.BATCH),
            Limit("month/job", self.MONTH, None, "the cap"),
        )

    def name(self, place: int) -> str:
        return self.runs[place].batch

    @rule(place=st.integers(0, 3))
    def begins(self, place: int) -> None:
        if place not in self.runs:
            self.number += 1
            self.runs[place] = Spender(f"run-{self.number}")
            self.store.budgets.begin(self.plans[place], self.name(place))

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), wish=st.floats(0, 1.5), part=st.floats(0, 1))
    def draws_and_calls(self, data: Any, wish: float, part: float) -> None:
        place = data.draw(st.sampled_from(sorted(self.runs)))
        run = self.runs[place]
        settled, run.unsettled = run.unsettled, 0.0
        drawn = draw(
            self.store, self.plans[place], self.name(place), Bound(wish, 0),
            *self.limits(place), settled=Bound(settled, 0),
        )  # fmt: skip
        run.free += drawn.usd
        cost = run.free * part
        run.free -= cost
        run.unsettled += cost
        self.billed[place] += cost

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def ends(self, data: Any) -> None:
        place = data.draw(st.sampled_from(sorted(self.runs)))
        run = self.runs.pop(place)
        draw(
            self.store, self.plans[place], run.batch, NONE,
            *self.limits(place), settled=Bound(run.unsettled, 0),
        )  # fmt: skip
        self.store.budgets.end(self.plans[place], run.batch)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def dies(self, data: Any) -> None:
        self.runs.pop(data.draw(st.sampled_from(sorted(self.runs))))
        self.crashed = True

    @invariant()
    def nobody_is_billed_beyond_what_is_spent_and_held(self) -> None:
        for place, plan in enumerate(self.plans):
            stands = self.store.budgets.version(plan)
            known = stands.spent_usd + stands.held_usd
            assert self.billed[place] <= known + 1e-9
            assert known <= self.BATCH + 1e-9
        month = self.store.budgets.standing("month/job")
        assert sum(self.billed) <= month.spent_usd + month.held_usd + 1e-9
        assert month.spent_usd + month.held_usd <= self.MONTH + 1e-9

    @invariant()
    def without_a_death_all_that_is_spent_was_billed(self) -> None:
        if not self.crashed and not self.runs:
            for place, plan in enumerate(self.plans):
                stands = self.store.budgets.version(plan)
                assert stands.spent_usd == pytest.approx(self.billed[place], abs=1e-9)
                assert stands.held_usd == pytest.approx(0.0, abs=1e-9)


TestSpending: Callable[..., Any] = Spending.TestCase
Spending.TestCase.settings = settings(max_examples=25, stateful_step_count=25)


@given(wishes=st.lists(st.integers(0, 400), min_size=1, max_size=12))
def test_a_budget_of_tokens_is_given_out_to_the_last_one(wishes: list[int]) -> None:
    with fresh_store() as store:
        plan = planned(store)
        got = [
            draw(store, plan, f"r{number}", Bound(0.0, wish), of_batch(plan, None, 1000)).tokens
            for number, wish in enumerate(wishes)
        ]
        assert sum(got) == min(1000, sum(wishes))
