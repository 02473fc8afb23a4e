"""A provider that is not away but ill: it must not cost documents, money or secrecy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.inference import setbacks
from batch_ai_assets.engine.state.life_cycle import State

from ..world import make_job, message
from .recorder import GOOD, Answer, completion, recorded

HTML = (200, {}, b"<html>busy</html>")


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"prompt_tokens": 7},
        {"prompt_tokens": -1_000_000, "completion_tokens": -5},
        {"prompt_tokens": 2**63 - 1, "completion_tokens": 1},
    ],
)
def test_a_count_of_tokens_that_cannot_be_is_charged_at_the_upper_bound(
    usage: dict[str, Any], tmp_path: Path
) -> None:
    with recorded(tmp_path, answer=lambda _: completion(GOOD, usage=usage)) as (here, provider):
        here.write_messages(message(number) for number in range(20))
        job = make_job(tmp_path, {"budget": {"limit_usd": 0.0005}})
        outcome = here.run(job=job)
    assert outcome.record is not None
    assert (outcome.state, outcome.record.reason) == (State.HALTED, "budget")
    assert 0 < outcome.record.cost_usd <= 0.0005
    assert 0 < len(provider.bodies) < 20


def test_replies_that_are_no_answers_pause_the_batch_with_nearly_all_items_pending(
    tmp_path: Path,
) -> None:
    with recorded(tmp_path, answer=lambda _: HTML) as (here, provider):
        here.write_messages(message(number) for number in range(300))
        job = make_job(tmp_path, {"retry": {"unreachable_seconds": 1.0}})
        outcome = here.run(job=job)
    assert outcome.record is not None
    assert (outcome.state, outcome.record.reason) == (State.PAUSED, "provider")
    assert here.counts().pending == 300
    assert len(provider.bodies) < 60


def test_a_provider_that_refuses_the_first_documents_and_answers_none_halts_the_batch(
    tmp_path: Path,
) -> None:
    with recorded(tmp_path, answer=lambda _: (418, {}, b"<html>no</html>")) as (here, provider):
        here.write_messages(message(number) for number in range(300))
        outcome = here.run()
    assert outcome.record is not None
    assert (outcome.state, outcome.record.reason) == (State.HALTED, "provider")
    assert here.counts().pending >= 300 - 10 - 16  # and those in flight meanwhile
    assert len(provider.bodies) <= 10 + 16


def test_one_document_that_is_always_throttled_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setbacks, "THROTTLED_SECONDS", 0.5)

    def answer(body: dict[str, Any]) -> Answer:
        if "[[id:m0]]" in body["messages"][-1]["content"]:
            return 429, {"Retry-After": "0.05"}, b"{}"
        return completion(GOOD)

    with recorded(tmp_path, answer=answer) as (here, _):
        here.write_messages(message(number) for number in range(40))
        outcome = here.run()
    assert outcome.record is not None
    assert (outcome.state, outcome.record.reason) == (State.PAUSED, "provider")
    assert "'m0'" in outcome.message
    assert outcome.record.answered == 39
    assert here.dead() == {}
