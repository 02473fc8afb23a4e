"""--reread: the next version of a batch, of its documents as they are now."""

from __future__ import annotations

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World
from .items import named, plain


def test_a_mended_document_is_asked_and_all_others_are_served_by_stored_answers(
    topics: World, server: LocalProvider
) -> None:
    good, empty = plain(10), {"id": "mended", "text": "  "}
    topics.write_messages([*good, empty])
    first = topics.run()
    assert first.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert first.record is not None
    assert "--batch b1 --reread" in first.record.next_step
    topics.write_messages([*good, {**named(), "id": "mended"}, *plain(1)])

    assert topics.run(mode=Mode.REPROCESS).state is State.COMPLETED_WITH_DEAD_LETTERS
    again = topics.run(mode=Mode.REREAD)

    assert again.state is State.COMPLETED
    assert again.record is not None
    assert (again.record.version, again.record.calls, again.record.from_store) == (3, 2, 10)
    assert topics.counts().items == topics.counts().valid == 12
    assert server.stats()["calls"] == 12
    assert fsck("topics", "b1", topics.deps) == []


def test_a_document_that_is_gone_is_in_the_old_version_only(
    topics: World, server: LocalProvider
) -> None:
    rows = plain(4)
    topics.write_messages(rows)
    topics.run()
    topics.write_messages(rows[:3])

    assert topics.run(mode=Mode.REREAD).state is State.COMPLETED

    assert {row["item_id"] for row in topics.results()} == {row["id"] for row in rows[:3]}
    assert server.stats()["calls"] == 4


def test_a_batch_that_stopped_on_its_way_goes_on_with_what_it_read(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages([*plain(5), named("[[stub:quota,ok]]")])
    assert topics.run().state is State.HALTED
    topics.write_messages(plain(1))

    assert topics.run(mode=Mode.REREAD).state is State.COMPLETED

    assert topics.counts().items == 6
