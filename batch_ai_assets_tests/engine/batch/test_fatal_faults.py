"""Faults that no item of the job can survive: one call, a clear word, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job, stub, world
from .items import ids, messages, money, plain
from .recorder import GOOD, completion, recorded, recorder

UNFILLABLE = {
    "output": {
        "schema": {
            "properties": {"code": {"type": "string", "pattern": "^[A-Z]{3}$"}},
            "required": ["topic", "urgent", "code"],
        }
    }
}


def check_halted(world: World, items: int) -> None:
    """All items are pending, nothing is dead, nothing was paid, the ending is on record."""
    counts = world.counts()
    assert (counts.pending, counts.dead, counts.valid) == (items, 0, 0)
    assert money(world) == (0, 0, 0.0)
    assert world.deps.tables.current("topics", "b1") is None
    record = world.deps.store.batches.latest_record("topics", "b1")
    assert record is not None
    said = json.loads(record)
    assert (said["state"], said["reason"]) == ("halted", "provider")
    assert "batch-ai run topics --batch b1" in said["next_step"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("401", "refuses the API key"),
        ("403", "403 permission_denied"),
        ("404", "does not know the model"),
        ("quota", "no quota left"),
    ],
)
def test_a_refusal_of_the_whole_job_stops_it_after_one_call_and_a_later_run_completes_it(
    kind: str, words: str, topics: World, server: LocalProvider
) -> None:
    rows = messages(f"[[stub:{kind},ok]]", *[""] * 40)
    topics.write_messages(rows)

    halted = topics.run()

    assert halted.state is State.HALTED
    assert words in halted.message
    assert server.stats()["calls"] == 1
    check_halted(topics, 41)

    assert topics.run().state is State.COMPLETED
    assert [row["item_id"] for row in topics.results()] == ids(rows)
    assert server.stats()["calls"] == 1 + 41
    assert {row["version"] for row in topics.results()} == {1}


def test_a_schema_that_the_model_cannot_fill_costs_one_call_and_its_correction_counts(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, UNFILLABLE) as here:
        rows = plain(40)
        here.write_messages(rows)

        halted = here.run()

        assert halted.state is State.HALTED
        assert "cannot fill the job's output schema" in halted.message
        assert server.stats()["calls"] == 1
        check_halted(here, 40)

        # Nothing was asked under the old spec, so the corrected one takes its place.
        assert here.run(job=make_job(tmp_path)).state is State.COMPLETED
        assert [row["item_id"] for row in here.results()] == ids(rows)
        assert {row["version"] for row in here.results()} == {1}


def test_an_unknown_model_costs_no_call_and_its_correction_counts(
    server: LocalProvider, tmp_path: Path
) -> None:
    models = {"models": {"gpt-unheard-of": {"price": "free", "context_tokens": 9000}}}
    wrong = {"model": {"name": "gpt-unheard-of"}}
    with world(tmp_path, server.base_url, wrong, models) as here:
        here.write_messages(plain(20))

        halted = here.run()

        assert halted.state is State.HALTED
        assert "no model 'gpt-unheard-of'; it has stub" in halted.message
        assert server.stats()["calls"] == 0
        check_halted(here, 20)

        assert here.run(job=make_job(tmp_path)).state is State.COMPLETED
        assert len(here.results()) == 20


def test_a_wrong_key_costs_no_call_and_is_not_shown(tmp_path: Path) -> None:
    with stub(api_key="the-right-key") as guarded:
        with world(tmp_path, guarded.base_url, api_key="sk-wrong-4711") as here:
            here.write_messages(plain(20))
            halted = here.run()
            assert halted.state is State.HALTED
            assert "refuses the API key of topics (HTTP 401)" in halted.message
            assert "sk-wrong-4711" not in halted.message
            assert guarded.stats()["calls"] == 0
            check_halted(here, 20)
        with world(tmp_path, guarded.base_url, api_key="the-right-key") as here:
            here.runs = 1
            assert here.run().state is State.COMPLETED
            assert guarded.stats()["calls"] == 20


def test_a_wrong_key_at_a_provider_without_a_model_list_costs_one_call(tmp_path: Path) -> None:
    refusal = json.dumps({"error": {"message": "no", "code": "invalid_api_key"}}).encode()
    with recorded(tmp_path, answer=lambda body: (401, {}, refusal)) as (here, provider):
        here.write_messages(plain(30))
        assert here.run().state is State.HALTED
        assert len(provider.bodies) == 1
        check_halted(here, 30)


def test_a_redirect_is_not_followed_with_documents_in_hand(tmp_path: Path) -> None:
    with recorder() as elsewhere:
        away = (307, {"Location": f"{elsewhere.base_url}/chat/completions"}, b"")
        with recorded(tmp_path, answer=lambda body: away) as (here, provider):
            here.write_messages(plain(20))
            halted = here.run()
            assert halted.state is State.HALTED
            assert "name that address in base_url" in halted.message
            assert len(provider.bodies) == 1
            check_halted(here, 20)
        assert elsewhere.bodies == []


def test_a_refusal_in_the_middle_keeps_what_was_answered_and_asks_it_not_again(
    server: LocalProvider, tmp_path: Path
) -> None:
    with world(tmp_path, server.base_url, {"limits": {"concurrency": 1}}) as here:
        rows = [*plain(30), *messages("[[stub:quota,ok]]"), *plain(10)]
        here.write_messages(rows)

        assert here.run().state is State.HALTED
        assert server.stats()["answers"] == 30
        assert here.counts().pending == 41, "an item ends with its verdict, not with its answer"

        assert here.run().state is State.COMPLETED
        stats = server.stats()
        assert (stats["answers"], stats["answered_more_than_once"]) == (41, 0)
        assert [row["item_id"] for row in here.results()] == ids(rows)


REPLIES: dict[str, Any] = {
    "an error page": (200, {}, b"<html>welcome</html>"),
    "an error object": (200, {}, b'{"error": {"message": "overloaded"}}'),
    "no choices": completion("", choices=[]),
    "no body": (200, {}, b""),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_200_that_is_no_completion_is_tried_again_and_counts_as_spent(
    name: str, tmp_path: Path
) -> None:
    with recorded(tmp_path, answer=lambda body: REPLIES[name]) as (here, provider):
        (row,) = plain(1)
        here.write_messages([row])
        assert here.run().state is State.COMPLETED_WITH_DEAD_LETTERS
        assert here.dead() == {row["id"]: "malformed_reply"}
        assert len(provider.bodies) == 3
        spent = money(here, kind="written_off")
        assert spent[0] == sum(map(len, provider.bodies)) + 3 * 32


def test_a_completion_without_usage_counts_with_its_upper_bound(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda body: completion(GOOD, usage=None)) as (here, provider):
        here.write_messages(plain(3))
        assert here.run().state is State.COMPLETED
        assert money(here)[0] == sum(map(len, provider.bodies)) + 3 * 32
