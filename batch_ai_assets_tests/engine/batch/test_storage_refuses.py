"""Published tables that cannot be written or read: nothing is lost, nothing is paid again."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World
from .items import ids, messages, plain


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_while_the_manifest_is_written_leaves_the_batch_planned(
    topics: World, server: LocalProvider
) -> None:
    rows = messages(*(os.urandom(20_000).hex() for _ in range(40)))
    topics.write_messages(rows)

    with files_no_larger_than(500_000):
        stopped = topics.run()

    assert stopped.state is State.FAILED
    assert "Cannot write" in stopped.message
    assert "raw_inputs" in stopped.message
    assert "Make room" in stopped.message
    assert topics.deps.store.batches.state("topics", "b1") is State.PLANNED
    assert server.stats()["calls"] == 0

    outcome = topics.run()
    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert topics.counts().items == 40


@pytest.mark.parametrize(
    "asset", ["work_plan", "enriched_outputs", "validation_report", "dead_letter_queue"]
)
def test_a_table_that_cannot_be_written_stops_the_batch_and_costs_no_further_call(
    asset: str, topics: World, server: LocalProvider
) -> None:
    rows = plain(10)
    topics.write_messages(rows)
    in_the_way = topics.home / "data/topics" / asset
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder should be")

    stopped = topics.run()

    assert stopped.state is State.FAILED
    assert f"topics/{asset}" in stopped.message
    assert topics.deps.store.batches.state("topics", "b1") is State.FAILED
    assert topics.deps.store.leases.holder("topics", "b1") is None

    in_the_way.unlink()
    assert topics.run().state is State.COMPLETED
    assert [row["item_id"] for row in topics.results()] == ids(rows)
    assert server.stats()["calls"] == 10


@pytest.mark.parametrize("pointer", ["raw_inputs/b1/_latest.json", "results/b1/_current.json"])
def test_a_pointer_that_cannot_be_moved_stops_the_batch_and_the_next_run_moves_it(
    pointer: str, topics: World, server: LocalProvider
) -> None:
    rows = plain(10)
    topics.write_messages(rows)
    in_the_way = topics.home / "data/topics" / pointer
    in_the_way.mkdir(parents=True)

    stopped = topics.run()

    assert stopped.state is State.FAILED
    assert pointer in stopped.message
    assert topics.deps.store.batches.state("topics", "b1") is State.FAILED

    in_the_way.rmdir()
    assert topics.run().state is State.COMPLETED
    assert [row["item_id"] for row in topics.results()] == ids(rows)
    assert server.stats()["calls"] == 10
    assert len(topics.deps.store.releases.of("topics", "b1")) == 1


def _some_part(home: Path, asset: str) -> Path:
    return next((home / "data/topics" / asset / "b1").rglob("part-*.parquet"))


@pytest.mark.parametrize("damage", ["removed", "cut", "garbled"])
def test_a_manifest_that_is_damaged_stops_the_next_run_before_any_call(
    damage: str, topics: World, server: LocalProvider
) -> None:
    topics.write_messages(messages("[[stub:401,ok]]", "", ""))
    topics.run()
    part = _some_part(topics.home, "raw_inputs")
    content = part.read_bytes()
    if damage == "removed":
        part.unlink()
    else:
        part.write_bytes(content[:-300] if damage == "cut" else b"PAR1" + os.urandom(500))

    stopped = topics.run()

    assert stopped.state is State.FAILED
    assert str(part) in stopped.message
    assert server.stats()["calls"] == 1

    part.write_bytes(content)
    assert topics.run().state is State.COMPLETED


def test_a_document_that_was_altered_where_it_lies_sealed_is_not_asked(
    topics: World, server: LocalProvider
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    topics.write_messages(messages("[[stub:401,ok]]", "", ""))
    topics.run()
    part = _some_part(topics.home, "raw_inputs")
    rows = pq.read_table(part)
    column = rows.schema.get_field_index("sealed")
    swapped = pa.array(rows["sealed"].to_pylist()[::-1], pa.binary())
    pq.write_table(rows.set_column(column, rows.schema.field(column), swapped), part)

    stopped = topics.run()

    assert stopped.state is State.FAILED
    assert "altered or moved" in stopped.message
    assert server.stats()["calls"] == 1
