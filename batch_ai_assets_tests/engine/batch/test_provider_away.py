"""A provider that is away: at the start, in the middle, for a moment or for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import world
from .instants import once_called
from .items import ids, named, plain

CALM = {
    "limits": {"concurrency": 4},
    "retry": {"timeout_seconds": 20.0, "unreachable_seconds": 30.0},
}
HURRIED = {**CALM, "retry": {"timeout_seconds": 20.0, "unreachable_seconds": 1.0}}


def test_a_provider_that_is_not_there_at_the_start_pauses_the_batch_with_all_items_pending(
    tmp_path: Path,
) -> None:
    with world(tmp_path, "http://127.0.0.1:9/v1") as here:
        here.write_messages(plain(5))
        outcome = here.run()
    assert outcome.state is State.PAUSED
    assert "http://127.0.0.1:9/v1 cannot be reached after 5 tries" in outcome.message
    assert "(ConnectError). No call was made" in outcome.message
    assert outcome.record is not None
    assert (outcome.record.conservation.pending, outcome.record.calls) == (5, 0)


def test_an_outage_in_the_middle_pauses_the_batch_and_the_next_run_goes_on(
    own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, HURRIED) as here:
        rows = plain(120)
        here.write_messages(rows)
        with once_called(own, 40, lambda: own.outage(True)):
            paused = here.run()

        assert paused.state is State.PAUSED
        assert "does not answer (HTTP 503: the provider failed.)" in paused.message
        answered = own.stats()["answers"]
        assert 36 <= answered < 120
        assert here.counts().dead == 0

        own.outage(False)
        assert here.run().state is State.COMPLETED
        stats = own.stats()
        assert (stats["answers"], stats["answered_more_than_once"]) == (120, 0)
        assert [row["item_id"] for row in here.results()] == ids(rows)
        burnt = sum(row["attempts"] - 1 for row in here.results())
        assert burnt <= 10 + 4, "only the failures that showed the outage used up an attempt"


@pytest.mark.parametrize("how", ["503", "refuse"])
def test_a_short_outage_is_waited_for(how: str, own: LocalProvider, tmp_path: Path) -> None:
    with world(tmp_path, own.base_url, CALM) as here:
        rows = plain(120)
        here.write_messages(rows)
        with once_called(own, 40, lambda: own.outage(0.8, how)):
            assert here.run().state is State.COMPLETED

        stats = own.stats()
        assert stats["answered_more_than_once"] == 0
        assert [row["item_id"] for row in here.results()] == ids(rows)
        burnt = sum(row["attempts"] - 1 for row in here.results())
        assert burnt <= 10 + 4


def test_documents_that_always_fail_are_no_outage_however_many_are_left_at_the_end(
    own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, CALM) as here:
        poison = [named("[[stub:500]]") for _ in range(25)]
        good = plain(50)
        rows = [row for pair in zip(poison, good[::2], good[1::2], strict=True) for row in pair]
        here.write_messages(rows)

        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS

        assert set(here.dead()) == set(ids(poison))
        assert len(here.results()) == 50
        assert own.stats()["by_status"] == {"500": 75, "200": 50}


def test_a_run_that_only_has_failing_documents_left_ends_them_too(
    own: LocalProvider, tmp_path: Path
) -> None:
    """What a resumed run finds: everything else was answered before."""
    with world(tmp_path, own.base_url, CALM) as here:
        stop = named("[[stub:500,500,quota,500]]")
        poison = [named("[[stub:500]]") for _ in range(14)]
        good = plain(40)
        rows = [*good[:10], stop]
        for number, row in enumerate(poison):
            rows += [row, *good[10 + 2 * number : 12 + 2 * number]]
        here.write_messages([*rows, *good[38:]])

        assert here.run().state is State.HALTED
        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS
        assert set(here.dead()) == {stop["id"], *ids(poison)}
        assert len(here.results()) == 40


def test_a_provider_that_fails_from_the_first_call_on_burns_few_attempts(
    own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, HURRIED) as here:
        here.write_messages([named("[[stub:503]]") for _ in range(60)])
        paused = here.run()
        assert paused.state is State.PAUSED
        assert here.counts().pending == 60
        assert paused.record is not None
        assert paused.record.calls <= 10


def test_progress_is_told_while_the_provider_is_waited_for(
    own: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, own.base_url, CALM) as here:
        here.write_messages(plain(60))
        with once_called(own, 20, lambda: own.outage(1.5)):
            here.run()
        assert len(here.progress) >= 2
        assert here.progress[-1].done == here.progress[-1].total == 60
        assert [p.done for p in here.progress] == sorted(p.done for p in here.progress)


def test_the_last_few_documents_do_not_die_of_an_outage_that_is_too_few_calls_to_see(
    own: LocalProvider, tmp_path: Path
) -> None:
    hurried = {**HURRIED, "retry": {**HURRIED["retry"], "base_seconds": 0.02, "max_seconds": 0.1}}
    provider = {"base_url": own.base_url}
    with world(tmp_path, own.base_url, hurried, provider) as here:
        here.write_messages(plain(44))
        with once_called(own, 40, lambda: own.outage(True)):
            assert here.run().state is State.PAUSED
        counts = here.counts()
        assert (counts.dead, counts.holds) == (0, True)
        own.outage(False)
        assert here.run().state is State.COMPLETED
