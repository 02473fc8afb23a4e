"""The same question is asked once, however often it stands in a batch."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.writer import Writer

from ..world import make_job
from .recorder import GOOD, completion, recorded


def repeated(kinds: int, copies: int) -> list[dict[str, Any]]:
    """Every text `copies` times, under different names, all mixed up."""
    return [
        {"id": f"{kind}-{copy}", "text": f"[[id:k{kind}]] message of kind {kind}"}
        for copy in range(copies)
        for kind in range(kinds)
    ]


def test_equal_texts_are_asked_once_and_every_one_of_them_has_its_row(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda _: completion(GOOD)) as (here, provider):
        here.write_messages(repeated(kinds=7, copies=100))
        outcome = here.run(job=make_job(tmp_path, {"limits": {"concurrency": 64}}))
        assert outcome.state is State.COMPLETED
        asked = [json.loads(body)["messages"][-1]["content"] for body in provider.bodies]
        texts = Counter(asked)
        assert len(texts) == 7
        assert set(texts.values()) == {1}
        assert here.counts().valid == len(here.results()) == 700
        assert outcome.record is not None
        assert (outcome.record.calls, outcome.record.from_store) == (7, 693)
        assert fsck("topics", "b1", here.deps) == []


def test_copies_that_wait_for_their_turn_together_are_asked_once_as_well(tmp_path: Path) -> None:
    """Thirty-two workers stand at the gate with the same question."""
    slow = {"limits": {"concurrency": 32, "requests_per_minute": 1200}}
    with recorded(tmp_path, answer=lambda _: completion(GOOD)) as (here, provider):
        here.write_messages(repeated(kinds=4, copies=30))
        assert here.run(job=make_job(tmp_path, slow)).state is State.COMPLETED
        assert len(provider.bodies) == 4
        assert here.counts().valid == 120


def test_a_question_that_failed_is_not_held_against_its_copies(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    def answer(body: dict[str, Any]) -> Any:
        text = body["messages"][-1]["content"]
        seen[text] += 1
        return (503, {}, b"{}") if seen[text] == 1 else completion(GOOD)

    with recorded(tmp_path, answer=answer) as (here, _):
        here.write_messages(repeated(kinds=5, copies=6))
        assert here.run().state is State.COMPLETED
        assert here.counts().valid == 30
    assert set(seen.values()) == {2}


def test_asked_afresh_every_copy_is_asked(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda _: completion(GOOD)) as (here, provider):
        here.write_messages(repeated(kinds=3, copies=4))
        here.run()
        provider.bodies.clear()
        assert here.run(mode=Mode.FRESH).state is State.COMPLETED
        assert len(provider.bodies) == 12


def test_stored_answers_at_the_head_of_a_batch_serve_its_items_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary begins anew at the head, where stored answers were handed out a moment ago."""
    slow = partial(Writer, interval_seconds=1.0)
    monkeypatch.setattr("batch_ai_assets.engine.inference.run.Writer", slow)
    with recorded(tmp_path, answer=lambda _: completion(GOOD)) as (here, provider):
        known = [{"id": f"k{n}", "text": f"[[id:k{n}]] known text {n}"} for n in range(300)]
        here.write_messages(known)
        here.run(job=make_job(tmp_path, {"early_stop": {"canary_items": 0}}))
        new = [{"id": f"n{n}", "text": f"[[id:n{n}]] new text {n}"} for n in range(300)]
        here.write_messages([*known[:290], *new])
        assert here.run("b2", Mode.REPROCESS).state is State.COMPLETED
        assert len(provider.bodies) == 600
