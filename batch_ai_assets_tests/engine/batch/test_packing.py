"""Several items in one request: answered by id, split where the request comes to nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Mode
from batch_ai_assets.engine.estimating import estimate
from batch_ai_assets.engine.fsck import fsck
from batch_ai_assets.engine.inference.attempt import Judge
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import World, make_job
from .items import messages, money, named, price, table
from .recorder import Answer, completion, recorded

TOGETHER: dict[str, Any] = {"prompt": {"version": "1", "items_per_request": 20}}


def packed(home: Path, **changes: Any) -> Any:
    return make_job(home, {**TOGETHER, **changes})


def test_twenty_documents_travel_in_one_request_and_each_has_its_own_answer(
    topics: World, server: LocalProvider
) -> None:
    rows = messages(*[""] * 200)
    topics.write_messages(rows)

    outcome = topics.run(job=packed(topics.home, early_stop={"canary_items": 0}))

    assert outcome.state is State.COMPLETED
    stats = server.stats()
    assert stats["calls"] == 10
    assert outcome.record is not None
    assert (outcome.record.calls, outcome.record.asked) == (10, 200)
    assert money(topics)[:2] == (stats["prompt_tokens"], stats["completion_tokens"])
    assert money(topics)[2] == pytest.approx(price(*money(topics)[:2]))
    assert {row["attempts"] for row in topics.results()} == {1}
    assert fsck("topics", "b1", topics.deps) == []


def test_an_answer_is_the_same_alone_and_in_company_and_serves_both(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages(messages(*[""] * 60))
    topics.run(job=packed(topics.home))
    together = {row["item_id"]: row["topic"] for row in topics.results()}
    calls = server.stats()["calls"]

    topics.run("b2", job=make_job(topics.home))
    assert server.stats()["calls"] == calls
    topics.run("b3", Mode.FRESH, make_job(topics.home))
    assert server.stats()["calls"] == calls + 60
    assert {row["item_id"]: row["topic"] for row in topics.results("b3")} == together


WHOLE = ("500", "400", "malformed", "truncated", "refusal", "reset", "413", "503", "hang")
OWN = ("schema", "taxonomy")


@pytest.mark.parametrize("kind", [*WHOLE, *OWN, "empty"])
def test_one_bad_document_does_not_take_its_company_with_it(
    kind: str, topics: World, server: LocalProvider
) -> None:
    good, bad = messages(*[""] * 39), named(f"[[stub:{kind}]]")
    topics.write_messages([*good[:7], bad, *good[7:]])
    retry = {"base_seconds": 0.01, "max_seconds": 0.02, "timeout_seconds": 0.3}

    outcome = topics.run(job=packed(topics.home, retry=retry))

    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    assert set(topics.dead()) == {bad["id"]}
    assert {row["item_id"] for row in topics.results()} == {row["id"] for row in good}
    assert {row["attempts"] for row in topics.results()} == {1}
    assert server.stats()["calls"] < 20
    settled = money(topics, kind="settled")
    stats = server.stats()
    assert settled[:2] == (stats["prompt_tokens"], stats["completion_tokens"])
    assert topics.counts().holds
    assert fsck("topics", "b1", topics.deps) == []


def answers(body: dict[str, Any], change: Any) -> Answer:
    """A good answer for every document of the request, after `change` of the list."""
    ids = [str(n + 1) for n in range(body["messages"][-1]["content"].count("</document-"))]
    alone = body["max_tokens"] <= 32
    if alone:
        return completion('{"topic": "card", "urgent": true}')
    said = change([{"id": one, "topic": "card", "urgent": True} for one in ids])
    return completion(json.dumps({"answers": said}))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda said: [*said[:-1], said[0]], id="an id twice"),
        pytest.param(lambda said: [{**one, "id": f"0{one['id']}"} for one in said], id="unknown"),
        pytest.param(
            lambda said: [{**one, "id": str(int(one["id"]) - 1)} for one in said],
            id="counted from nought",
        ),
        pytest.param(lambda said: {"none": said}, id="no list"),
        pytest.param(lambda said: ["text" for _ in said], id="no objects"),
        pytest.param(lambda _: [], id="nothing"),
        pytest.param(lambda said: said[::2], id="every other"),
        pytest.param(lambda said: said[:1], id="the first alone"),
    ],
)
def test_a_reply_with_wrong_ids_is_split_until_each_document_is_answered(
    change: Any, tmp_path: Path
) -> None:
    with recorded(tmp_path, answer=lambda body: answers(body, change)) as (here, provider):
        rows = messages(*[""] * 20)
        here.write_messages(rows)
        outcome = here.run(job=packed(tmp_path))
        assert outcome.state is State.COMPLETED
        assert {row["item_id"] for row in here.results()} == {row["id"] for row in rows}
        assert {row["attempts"] for row in here.results()} == {1}
        assert len(provider.bodies) > 1
        assert fsck("topics", "b1", here.deps) == []


def test_an_id_as_a_number_or_with_blanks_round_it_is_the_same_id(tmp_path: Path) -> None:
    def loosely(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**one, "id": int(one["id"]) if place % 2 else f" {one['id']} "}
            for place, one in enumerate(said)
        ]

    with recorded(tmp_path, answer=lambda body: answers(body, loosely)) as (here, provider):
        here.write_messages(messages(*[""] * 20))
        assert here.run(job=packed(tmp_path)).state is State.COMPLETED
        assert len(provider.bodies) == 1


def test_an_answer_nested_beyond_measure_spoils_nothing_but_itself(tmp_path: Path) -> None:
    deep = "[" * 300 + "]" * 300

    def answer(body: dict[str, Any]) -> Answer:
        status, headers, said = answers(body, lambda all_of_them: all_of_them)
        if "DEEP" in body["messages"][-1]["content"]:
            said = said.replace(b'\\"topic\\": \\"card\\"', f'\\"topic\\": {deep}'.encode(), 1)
        return status, headers, said

    with recorded(tmp_path, answer=answer) as (here, _):
        here.write_messages(messages("DEEP", *[""] * 19))
        outcome = here.run(job=packed(tmp_path))
        assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS, outcome.message
        assert (here.counts().valid, here.counts().dead) == (19, 1)
        assert fsck("topics", "b1", here.deps) == []


def test_the_last_word_on_a_document_is_one_that_it_had_for_itself(tmp_path: Path) -> None:
    """One attempt is allowed, and in company the model errs about everybody."""

    def erring(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "topic": "weather"} for one in said]

    with recorded(tmp_path, answer=lambda body: answers(body, erring)) as (here, _):
        here.write_messages(messages(*[""] * 20))
        outcome = here.run(job=packed(tmp_path, retry={"max_attempts": 1}))
        assert outcome.state is State.COMPLETED
        assert here.counts().valid == 20


def test_a_document_that_is_refused_in_large_company_halts_nobody(
    topics: World, server: LocalProvider
) -> None:
    bad, *good = messages("[[stub:400]]", *[""] * 599)
    topics.write_messages([bad, *good])
    spec = {"prompt": {"version": "1", "items_per_request": 512}, "limits": {"concurrency": 1}}
    job = make_job(topics.home, {**spec, "early_stop": {"canary_items": 0}})
    assert topics.run(job=job).state is State.COMPLETED_WITH_DEAD_LETTERS
    assert topics.dead() == {bad["id"]: "rejected"}


@pytest.mark.parametrize("items", [20, 3000])
def test_a_defect_ends_the_run_and_what_was_paid_is_in_the_books(
    items: int, topics: World, server: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Judge, "_several", broken)
    topics.write_messages(messages(*[""] * items))
    with pytest.raises(ZeroDivisionError):
        topics.run(job=packed(topics.home, early_stop={"canary_items": 0}))
    stats = server.stats()
    assert 0 < stats["calls"] <= 16
    assert money(topics, kind="written_off")[0] >= stats["cost_tokens"]


def test_answers_are_told_apart_by_id_and_not_by_their_order(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        text = body["messages"][-1]["content"]
        said = [
            {"id": str(place + 1), "topic": "cash" if "CASH" in part else "card", "urgent": False}
            for place, part in enumerate(text.split("</document-")[:-1])
        ]
        return completion(json.dumps({"answers": said[::-1]}))

    with recorded(tmp_path, answer=answer) as (here, _):
        rows = messages(*["CASH" if n % 3 == 0 else "" for n in range(20)])
        here.write_messages(rows)
        here.run(job=packed(tmp_path))
        found = {row["item_id"]: row["topic"] for row in here.results()}
    assert found == {
        row["id"]: "cash" if n % 3 == 0 else "card" for n, row in enumerate(rows)
    }


def test_where_the_budget_is_too_small_for_all_at_once_they_are_asked_by_fewer(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages(messages(*[""] * 20))
    alone = {"limits": {"concurrency": 1}, "early_stop": {"canary_items": 0}}
    tight = {"budget": {"limit_usd": 0.0006}}
    outcome = topics.run(job=packed(topics.home, **alone, **tight))
    assert outcome.state is State.COMPLETED, outcome.message
    assert server.stats()["calls"] > 1
    assert money(topics)[2] <= 0.0006


def test_equal_texts_in_one_request_are_asked_once(topics: World, server: LocalProvider) -> None:
    text = named()["text"]
    topics.write_messages([{"id": f"c{n}", "text": text} for n in range(30)])
    topics.run(job=packed(topics.home))
    assert server.stats()["calls"] == 1
    assert topics.counts().valid == 30


def test_what_does_not_fit_the_context_goes_in_the_next_request(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages(messages(*["word " * 3000] * 20))  # five of them fill 16,000 tokens
    outcome = topics.run(job=packed(topics.home, early_stop={"canary_items": 0}))
    assert outcome.state is State.COMPLETED
    assert server.stats()["by_status"] == {"200": 4}


def test_what_is_left_of_a_request_is_found_again_after_a_stop(
    topics: World, server: LocalProvider
) -> None:
    """How small the company became is read from the checkpoints."""
    topics.write_messages([*messages(*[""] * 19), named("[[stub:500,500,500,500,500,500,ok]]")])
    retry = {"base_seconds": 0.001, "max_seconds": 0.001}
    outcome = topics.run(job=packed(topics.home, retry=retry))
    assert outcome.state is State.COMPLETED
    splits = Counter(
        place for (place,) in table(topics, "SELECT attempt FROM checkpoints WHERE attempt < 0")
    )
    assert splits[-1] == 20
    assert splits[-2] == 10
    assert min(splits) == -5


def test_an_estimate_counts_shared_requests_and_shared_prompts(
    topics: World, server: LocalProvider
) -> None:
    topics.write_messages(messages(*[""] * 200))
    alone, shared = (
        estimate(job, "b1", topics.deps) for job in (make_job(topics.home), packed(topics.home))
    )
    work, more = shared.groups[0].work, alone.groups[0].work
    assert (work.calls, more.calls) == (10, 200)
    assert work.tokens_in < 0.6 * more.tokens_in
    assert work.most_tokens_out == more.most_tokens_out

    outcome = topics.run(job=packed(topics.home, early_stop={"canary_items": 0}))
    assert server.stats()["calls"] == work.calls
    assert outcome.record is not None
    assert outcome.record.cost_usd <= shared.most_cost_usd
