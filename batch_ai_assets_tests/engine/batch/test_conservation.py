"""Conservation over random inputs, fault plans and stops: every item has one end, and one only."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, merged, stub, world
from .faults import FAST, check_conservation, examples, inputs, together
from .items import messages, money, price

FEW, MANY = 8, 126
"""Random plans of each company: in the fast tests, and in the drills (more than 500 together)."""
plans = given(rows=inputs, concurrency=st.integers(1, 8), attempts=st.integers(1, 3))


@pytest.fixture(scope="module")
def place(shared_stub: LocalProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all examples; each has a batch of its own."""
    home: Path = tmp_path_factory.mktemp("conservation")
    with world(home, shared_stub.base_url, FAST) as here:
        yield here


batches = (f"b{number}" for number in count())


@pytest.mark.parametrize("company", [1, 20])
@examples(FEW)
@plans
def test_every_item_comes_to_exactly_one_end_whatever_goes_wrong(
    company: int,
    rows: list[Any],
    concurrency: int,
    attempts: int,
    place: World,
    server: LocalProvider,
) -> None:
    comes_to_one_end(company, rows, concurrency, attempts, place, server)


@pytest.mark.drill
@pytest.mark.parametrize("company", [1, 2, 3, 20])
@examples(MANY)
@plans
def test_every_item_comes_to_exactly_one_end_in_five_hundred_random_plans(
    company: int,
    rows: list[Any],
    concurrency: int,
    attempts: int,
    place: World,
    server: LocalProvider,
) -> None:
    comes_to_one_end(company, rows, concurrency, attempts, place, server)


def comes_to_one_end(
    company: int,
    rows: list[Any],
    concurrency: int,
    attempts: int,
    place: World,
    server: LocalProvider,
) -> None:
    """Run a batch to its end under this plan, again where it halts, and check its books."""
    server.reset_stats()
    batch = next(batches)
    place.write_messages(rows)
    changes = {"limits": {"concurrency": concurrency}, "retry": {"max_attempts": attempts}}
    job = make_job(place.home, merged(FAST, {**changes, **together(company)}))

    stops = 0
    while (outcome := place.run(batch, job=job)).state is State.HALTED:
        counts = place.counts(batch)
        assert counts.holds
        assert counts.pending > 0
        assert outcome.record is not None
        assert outcome.record.reason == "provider"
        stops += 1
        assert stops <= len(rows), outcome.message

    check_conservation(place, batch, rows)
    stats = server.stats()
    settled = money(place, batch, "settled")
    assert settled[:2] == (stats["prompt_tokens"], stats["completion_tokens"])
    assert settled[2] == pytest.approx(price(*settled[:2]))
    assert outcome.record is not None
    assert outcome.record.conservation.items == len(rows)

    if rows and len(rows) % 5 == 0:
        again = place.run(batch, Mode.REPROCESS, job)
        while again.state is State.HALTED:
            again = place.run(batch, Mode.REPROCESS, job)
        check_conservation(place, batch, rows)


RATES = "500=0.08,429(0.01)=0.08,schema=0.08,reset=0.04,truncated=0.04,empty=0.04,taxonomy=0.06"


@pytest.mark.parametrize("company", [1, pytest.param(20, marks=pytest.mark.drill)])
@pytest.mark.parametrize(
    "seed", [pytest.param(number, marks=pytest.mark.drill) for number in (1, 3)] + [2]
)
def test_a_batch_under_random_faults_loses_nothing_and_pays_what_was_billed(
    seed: int, company: int, tmp_path: Path
) -> None:
    spec = merged(FAST, together(company))
    with stub(faults=RATES, seed=seed) as faulty, world(tmp_path, faulty.base_url, spec) as here:
        rows = messages(*[""] * 400)
        here.write_messages(rows)

        outcome = here.run()

        assert outcome.state.finished
        check_conservation(here, "b1", rows)
        stats = faulty.stats()
        assert set(stats["items"]) == {row["id"] for row in rows}
        settled = money(here, kind="settled")
        assert settled[:2] == (stats["prompt_tokens"], stats["completion_tokens"])
        record = outcome.record
        assert record is not None
        assert record.throttled == stats["by_status"]["429"]
        if company == 1:
            assert record.calls + record.throttled == stats["calls"]
        else:  # requests that fail in a row are taken for an outage, and are no attempts
            assert record.calls + record.throttled <= stats["calls"]
        assert record.asked == 400
        if company == 1:
            assert record.retries == record.calls - 400
