from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.local_provider.documents import Document, documents_of
from batch_ai_assets.local_provider.faults import (
    FaultPlan,
    FaultSyntaxError,
    Step,
    parse_rates,
    parse_script,
)
from batch_ai_assets.local_provider.model import Message


def document(text: str) -> Document:
    return documents_of((Message("user", text),))[0]


def test_a_script_runs_call_by_call_and_its_last_step_repeats() -> None:
    plan = FaultPlan()
    scripted = document("text [[stub:429(0.2),500,ok]]")
    kinds = [plan.next_step(scripted).kind for _ in range(5)]
    assert kinds == ["429", "500", "ok", "ok", "ok"]


def test_every_item_goes_through_its_own_script() -> None:
    plan = FaultPlan()
    first, second = document("a [[stub:500,ok]]"), document("b [[stub:500,ok]]")
    assert [plan.next_step(d).kind for d in (first, second, first)] == ["500", "500", "ok"]


def test_steps_take_seconds_as_their_argument() -> None:
    assert parse_script("429(0.2), slow(3),hang") == (
        Step("429", 0.2),
        Step("slow", 3.0),
        Step("hang"),
    )


def faults_of(plan: FaultPlan, items: list[str], calls: int) -> dict[tuple[str, int], str]:
    found = {}
    for item in items:
        for call in range(calls):
            found[item, call] = plan.next_step(document(f"[[id:{item}]]")).kind
    return found


@given(st.permutations([f"item {number}" for number in range(20)]), st.integers(0, 5))
def test_rates_depend_on_seed_item_and_call_and_not_on_the_order_of_calls(
    items: list[str], seed: int
) -> None:
    rates = parse_rates("500=0.2,429=0.2,reset=0.1")
    assert faults_of(FaultPlan(rates, seed), items, 3) == faults_of(
        FaultPlan(rates, seed), sorted(items), 3
    )


def test_rates_come_true() -> None:
    plan = FaultPlan(parse_rates("500=0.1,429(0.5)=0.05"), seed=3)
    kinds = list(faults_of(plan, [str(number) for number in range(5000)], 2).values())
    assert 850 < kinds.count("500") < 1150
    assert 400 < kinds.count("429") < 600


@pytest.mark.parametrize("rates", ["50=0.1", "500=much", "500=0.7,429=0.7", "500=-0.1"])
def test_rates_that_make_no_sense_are_refused(rates: str) -> None:
    with pytest.raises(FaultSyntaxError):
        parse_rates(rates)


def test_a_script_with_an_unknown_kind_names_it_and_the_kinds_there_are() -> None:
    with pytest.raises(FaultSyntaxError, match=r"explode.*malformed"):
        FaultPlan().next_step(document("[[stub:explode]]"))
