"""Four batches in four processes on one provider: every item comes to its end, none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, merged, world
from .company import run_together
from .faults import FAST, check_conservation, examples, lines, together
from .items import messages, money, named, price
from .test_fault_kinds import ALWAYS

FEW, MANY = 1, 11
PROCESSES = 4


@pytest.fixture(scope="module")
def place(shared_stub: LocalProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all examples; each has batches of its own."""
    home: Path = tmp_path_factory.mktemp("company")
    with world(home, shared_stub.base_url, FAST) as here:
        yield here


numbers = count()


def specs(here: World, inputs: list[list[Any]], changes: dict[str, Any]) -> dict[str, Any]:
    """A batch with a file of its own for each of `inputs`: batch → spec."""
    found: dict[str, Any] = {}
    for rows in inputs:
        batch = f"c{next(numbers)}"
        path = here.write_messages(rows, f"{batch}.jsonl")
        found[batch] = merged(FAST, {"input": {"path": str(path)}, **changes})
    return found


shared_lines = st.lists(lines, max_size=5)
four_inputs = st.tuples(shared_lines, *[st.lists(lines, max_size=6)] * PROCESSES).map(
    lambda parts: [own + parts[0] + messages("", "") for own in parts[1:]]
)
"""Each batch has documents of its own, some that all of them have, and some that nothing befalls:
where nothing is ever answered, a provider counts as away, and the batch halts."""


@pytest.mark.parametrize("company", [1, 20])
@examples(FEW)
@given(inputs=four_inputs)
def test_every_item_of_four_batches_comes_to_exactly_one_end(
    company: int, inputs: list[list[Any]], place: World, server: LocalProvider
) -> None:
    come_to_one_end(company, inputs, place, server)


@pytest.mark.drill
@pytest.mark.parametrize("company", [1, 20])
@examples(MANY)
@given(inputs=four_inputs)
def test_every_item_of_four_batches_comes_to_exactly_one_end_time_and_again(
    company: int, inputs: list[list[Any]], place: World, server: LocalProvider
) -> None:
    come_to_one_end(company, inputs, place, server)


def come_to_one_end(
    company: int, inputs: list[list[Any]], place: World, server: LocalProvider
) -> None:
    """Run four batches at once to their ends, and check the books of each."""
    server.reset_stats()
    jobs = specs(place, inputs, together(company))

    ended = run_together(place.home, server.base_url, jobs)

    assert set(ended.values()) <= {"completed", "completed_with_dead_letters"}
    for batch, rows in zip(jobs, inputs, strict=True):
        check_conservation(place, batch, rows)
    stats = server.stats()
    paid = [money(place, batch, "settled") for batch in jobs]
    assert sum(one[0] for one in paid) == stats["prompt_tokens"]
    assert sum(one[1] for one in paid) == stats["completion_tokens"]


@pytest.mark.parametrize("company", [1, 20])
def test_every_kind_of_fault_ends_where_it_belongs_in_four_processes(
    company: int, place: World, server: LocalProvider
) -> None:
    kinds = [ending for ending in ALWAYS if ending.kind != "hang"]
    inputs, reasons = [], []
    for _ in range(PROCESSES):
        bad = {ending.reason: named(f"[[stub:{ending.kind}]]") for ending in kinds}
        fleeting = messages("[[stub:429(0.01),ok]]", "[[stub:500,ok]]", "[[stub:schema,ok]]")
        inputs.append([*messages(*[""] * 30), *bad.values(), *fleeting])
        reasons.append({row["id"]: reason for reason, row in bad.items()})
    changes = {**together(company), "early_stop": {"canary_items": 0}, "rules": []}
    jobs = specs(place, inputs, changes)

    ended = run_together(place.home, server.base_url, jobs)

    assert set(ended.values()) == {"completed_with_dead_letters"}
    for batch, dead in zip(jobs, reasons, strict=True):
        assert place.dead(batch) == dead
        assert place.counts(batch).valid + place.counts(batch).dead == 33 + len(dead)
        assert fsck("topics", batch, place.deps) == []
        settled = money(place, batch, "settled")
        assert settled[2] == pytest.approx(price(*settled[:2]))
