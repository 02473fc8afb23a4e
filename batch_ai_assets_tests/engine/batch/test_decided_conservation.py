"""Whatever people decide: every item keeps one end, and nobody but the replayed is asked again."""

from __future__ import annotations

import tempfile
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from batch_ai_assets.engine.deciding import decide
from batch_ai_assets.engine.state.rows import Kind
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, world
from .faults import FAST, check_conservation, examples, lines

LEFT = None
def calls(server: LocalProvider) -> dict[str, int]:
    return {name: one["calls"] for name, one in server.stats()["items"].items()}


decisions = given(
    rows=st.lists(lines, min_size=2, max_size=10),
    choices=st.lists(st.sampled_from([LEFT, Kind.REPLAY, Kind.DISCARD]), min_size=1, max_size=8),
)


@examples(4)
@decisions
def test_a_decided_version_changes_what_was_decided_and_nothing_else(
    rows: list[Any], choices: list[Kind | None], server: LocalProvider
) -> None:
    in_a_world(rows, choices, server)


@pytest.mark.drill
@examples(50)
@decisions
def test_fifty_decided_versions_change_what_was_decided_and_nothing_else(
    rows: list[Any], choices: list[Kind | None], server: LocalProvider
) -> None:
    in_a_world(rows, choices, server)


def in_a_world(
    rows: list[Any], choices: list[Kind | None], server: LocalProvider
) -> None:
    # A world for each: a document that was given up once is not asked about in another batch.
    with tempfile.TemporaryDirectory() as home, world(Path(home), server.base_url, FAST) as place:
        check_decided(rows, choices, place, server)


def check_decided(
    rows: list[Any], choices: list[Kind | None], place: World, server: LocalProvider
) -> None:
    server.reset_stats()
    batch = "b1"
    place.write_messages(rows)
    job = make_job(place.home, FAST)
    assume(place.run(batch, job=job).state.finished)
    dead, results = place.dead(batch), {row["item_id"] for row in place.results(batch)}
    decided = {item: choice for item, choice in zip(dead, cycle(choices), strict=False) if choice}
    assume(decided)
    before = calls(server)

    for item, kind in decided.items():
        decide(job, batch, kind, place.deps, who="cli:ada", why="so it is", items=[item])
    assert place.run(batch, job=job).state.finished

    check_conservation(place, batch, rows)
    replayed = {item for item, kind in decided.items() if kind is Kind.REPLAY}
    given_up = set(decided) - replayed
    assert place.counts(batch).discarded == len(given_up)
    now_dead = place.dead(batch)
    assert {item: dead[item] for item in dead if item not in decided} == {
        item: reason for item, reason in now_dead.items() if item not in replayed
    }
    assert results <= {row["item_id"] for row in place.results(batch)}
    after = calls(server)
    assert {name: n for name, n in after.items() if name not in replayed} == {
        name: n for name, n in before.items() if name not in replayed
    }
