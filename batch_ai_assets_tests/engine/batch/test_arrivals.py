"""Batches of files that have arrived, run to their end: every document is asked once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_ai_assets.engine.estimating import estimate
from batch_ai_assets.engine.intake.inbox import Inbox
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, message, world

SPEC = {
    "input": {"path": "{home}/inbox", "format": "jsonl"},
    "batches": {"cadence": "on_arrival", "arrival": {"items": 10}},
}


@pytest.fixture
def here(tmp_path: Path, stub_model: LocalProvider) -> Iterator[World]:
    stub_model.reset_stats()
    (tmp_path / "inbox").mkdir()
    with world(tmp_path, stub_model.base_url, SPEC) as made:
        yield made


def drop(here: World, name: str, *numbers: int) -> Path:
    """A file of these messages that was written a while ago."""
    path = here.write_messages((message(number) for number in numbers), name)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def claimed(here: World) -> str:
    """The batch that a look at the inbox made."""
    (one,) = Inbox(here.job, here.deps.store, here.home).tick().claimed
    return one.batch


def test_a_document_that_comes_in_two_files_is_asked_once(
    here: World, stub_model: LocalProvider
) -> None:
    drop(here, "a.jsonl", *range(10))
    here.run(claimed(here))
    drop(here, "b.jsonl", *range(5, 15))
    second = claimed(here)

    here.run(second)

    assert here.counts(second).skipped == 5
    answers = {name: item["answers"] for name, item in stub_model.stats()["items"].items()}
    assert answers == {f"m{number}": 1 for number in range(15)}


def test_two_batches_that_are_read_at_once_share_a_document_out_to_one_of_them(
    here: World,
) -> None:
    drop(here, "a.jsonl", *range(10))
    first = claimed(here)
    drop(here, "b.jsonl", *range(5, 15))
    second = claimed(here)

    here.run(second)
    here.run(first)

    assert here.counts(second).valid == 10
    assert (here.counts(first).valid, here.counts(first).skipped) == (5, 5)


def test_a_claimed_file_that_is_gone_is_a_dead_letter_and_the_rest_is_asked(here: World) -> None:
    drop(here, "a.jsonl", *range(10))
    gone = drop(here, "b.jsonl", *range(10, 20))
    batch = claimed(here)
    gone.unlink()

    here.run(batch)

    assert here.dead(batch) == {"b.jsonl": "unreadable"}
    assert here.counts(batch).valid == 10


def test_a_batch_that_a_person_names_takes_what_is_waiting_and_nothing_else(here: World) -> None:
    drop(here, "a.jsonl", *range(10))
    here.run(claimed(here))
    drop(here, "b.jsonl", 20, 21)

    here.run("by-hand")

    assert here.counts("by-hand").items == 2
    assert Inbox(here.job, here.deps.store, here.home).claim_now() is None


def test_a_batch_by_name_of_an_empty_inbox_is_refused(here: World) -> None:
    outcome = here.run("by-hand")

    assert outcome.state == "failed"
    assert "has no batch by-hand" in outcome.message
    assert here.deps.store.batches.latest_plan(here.job.name, "by-hand") is None


def test_an_estimate_looks_at_what_is_waiting_and_claims_nothing(here: World) -> None:
    drop(here, "a.jsonl", *range(10))
    first = claimed(here)
    drop(here, "b.jsonl", 20, 21)

    assert estimate(here.job, "next", here.deps).items == 2
    assert estimate(here.job, first, here.deps).items == 10
    assert claimed_files(here, "next") == []


def claimed_files(here: World, batch: str) -> list[str]:
    return here.deps.store.arrivals.of(here.job.name, batch)
