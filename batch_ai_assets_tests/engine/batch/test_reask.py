"""An invalid answer is asked for once more at once, with the error; a cut one with more room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from batch_ai_assets.engine.state.life_cycle import State

from ..world import make_job, message
from .recorder import GOOD, Answer, completion, recorded

BAD = '{"topic": "weather", "urgent": true}'


def test_the_error_goes_with_the_document_and_the_second_answer_counts(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        again = "could not be used" in body["messages"][-1]["content"]
        return completion(GOOD if again else BAD)

    with recorded(tmp_path, answer=answer) as (here, provider):
        here.write_messages([message(1)])
        outcome = here.run()
    assert outcome.state is State.COMPLETED
    first, second = (body["messages"][-1]["content"] for body in map(json.loads, provider.bodies))
    assert second.startswith(first)
    assert "topic" in second.removeprefix(first)
    assert "message number" not in second.removeprefix(first)
    asked = [json.loads(body)["messages"] for body in provider.bodies]
    assert asked[0][:-1] == asked[1][:-1]
    (row,) = here.results()
    assert row["attempts"] == 2


def test_a_model_that_errs_again_uses_up_its_attempts_and_no_more(tmp_path: Path) -> None:
    with recorded(tmp_path, answer=lambda _: completion(BAD)) as (here, provider):
        here.write_messages([message(1)])
        outcome = here.run(job=make_job(tmp_path, {"retry": {"max_attempts": 3}}))
    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    asked = [body["messages"][-1]["content"] for body in map(json.loads, provider.bodies)]
    assert len(asked) == 3
    assert ["could not be used" in text for text in asked] == [False, True, False]
    assert here.dead() == {"m1": "taxonomy"}


def test_an_answer_that_was_cut_may_be_longer_once(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        said = json.loads(completion(GOOD)[2])
        if body["max_tokens"] <= 32:
            said["choices"][0]["finish_reason"] = "length"
        return 200, {}, json.dumps(said).encode()

    with recorded(tmp_path, answer=answer) as (here, provider):
        here.write_messages([message(1)])
        outcome = here.run()
    assert outcome.state is State.COMPLETED
    assert [body["max_tokens"] for body in map(json.loads, provider.bodies)] == [32, 128]
    same = [{**body, "max_tokens": 0} for body in map(json.loads, provider.bodies)]
    assert same[0] == same[1]


def test_a_longer_answer_never_takes_more_than_the_context_has_left(tmp_path: Path) -> None:
    cut = json.loads(completion(GOOD)[2])
    cut["choices"][0]["finish_reason"] = "length"
    with recorded(tmp_path, answer=lambda _: (200, {}, json.dumps(cut).encode())) as (here, asked):
        here.write_messages([message(1, "word " * 3065)])
        here.run()
    left = 16_000 - len(asked.bodies[0])
    assert 32 < left < 4 * 32
    assert {json.loads(body)["max_tokens"] for body in asked.bodies} == {32, left}


def test_the_answer_of_a_second_question_serves_the_next_batch(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        again = "could not be used" in body["messages"][-1]["content"]
        return completion(GOOD if again else BAD)

    with recorded(tmp_path, answer=answer) as (here, provider):
        here.write_messages([message(1)])
        here.run()
        here.write_messages([{**message(1), "id": "other"}])
        here.run("b2")
    assert len(provider.bodies) == 2
    assert here.counts("b2").valid == 1
