"""Requests: what decides an answer is in the hash, what does not is not, and text stays text."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.item import Correction
from batch_ai_assets.engine.inference.request import RequestTemplate, wrap_document
from batch_ai_assets.engine.spec.resolved import Example, ResolvedJob
from batch_ai_assets.engine.tokens import count_tokens

from ..world import make_job

FOLDER = Path("/jobs/topics")
TEXT = hashlib.sha256(b"a text").digest()


def request_hash(job: ResolvedJob, input_hash: bytes = TEXT) -> bytes:
    return RequestTemplate(job).request_hash(input_hash)


def job(**spec: Any) -> ResolvedJob:
    return make_job(FOLDER, spec)


EXAMPLE = Example(text="my card", output={"topic": "card", "urgent": False})

DECISIVE: dict[str, ResolvedJob] = {
    "provider": job(model={"provider": "other"}),
    "model version": job(model={"version": "2026-01-01"}),
    "temperature": job(model={"parameters": {"temperature": 0.5}}),
    "top_p": job(model={"parameters": {"top_p": 0.5}}),
    "seed": job(model={"parameters": {"seed": 7}}),
    "prompt": job().model_copy(update={"prompt_text": "Say it otherwise."}),
    "examples": job().model_copy(update={"examples": (EXAMPLE,)}),
    "schema": job(output={"schema": {"properties": {"urgent": {"description": "Now?"}}}}),
    "taxonomy": job(output={"taxonomy": {"topic": {"card": "Another meaning."}}}),
    "token probabilities": job(
        output={"confidence": {"from": "logprob", "field": "topic"}, "review_below": 0.5}
    ),
}


@pytest.mark.parametrize("what", DECISIVE)
def test_what_decides_the_answer_changes_the_hash(what: str) -> None:
    assert request_hash(DECISIVE[what]) != request_hash(job())


def test_all_decisive_changes_have_hashes_of_their_own() -> None:
    hashes = {request_hash(changed) for changed in DECISIVE.values()}
    assert len(hashes) == len(DECISIVE)


IDLE: dict[str, ResolvedJob] = {
    "max_tokens": job(model={"parameters": {"max_tokens": 99}}),
    "budget": job(budget={"limit_usd": 1.0}),
    "limits": job(limits={"concurrency": 1}),
    "retry": job(retry={"max_attempts": 9}),
    "rules": job(rules=[{"name": "r", "sql": "urgent"}]),
    "owner": job(owner="team:others"),
    "prompt's version": job(prompt={"version": "9"}),
    "review threshold": job(output={"confidence": None, "review_below": 0.5}),
    "folder": make_job(Path("/elsewhere")),
    "address": make_job(FOLDER, {}, {"base_url": "https://models.example.com/v1"}),
    "price": make_job(FOLDER, {}, {"models": {"stub": {"price": "free", "context_tokens": 9}}}),
}


@pytest.mark.parametrize("what", IDLE)
def test_what_does_not_decide_the_answer_leaves_the_hash_alone(what: str) -> None:
    assert request_hash(IDLE[what]) == request_hash(job())


@given(texts=st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_two_texts_have_two_hashes_and_one_text_always_has_the_same(texts: list[str]) -> None:
    first, second = (hashlib.sha256(text.encode()).digest() for text in texts)
    template = RequestTemplate(job())
    assert template.request_hash(first) == template.request_hash(first)
    assert template.request_hash(first) != template.request_hash(second)
    assert len(template.request_hash(first)) == 32


@given(text=st.text(max_size=500))
def test_any_text_makes_a_well_formed_request_that_holds_it_as_it_is(text: str) -> None:
    digest = hashlib.sha256(text.encode()).digest()
    body = json.loads(RequestTemplate(job()).body(text, digest))
    assert body["messages"][-1] == {"role": "user", "content": wrap_document(text)}
    assert text in body["messages"][-1]["content"]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["max_tokens"] == 32


@given(text=st.text(max_size=300))
def test_the_length_of_a_request_bounds_its_tokens(text: str) -> None:
    body = RequestTemplate(job()).body(text, hashlib.sha256(text.encode()).digest())
    said = json.loads(body)
    contents = [message["content"] for message in said["messages"]]
    assert sum(count_tokens(contents)) <= len(body)


def test_the_part_that_all_requests_share_comes_first() -> None:
    template = RequestTemplate(DECISIVE["examples"])
    bodies = [
        template.body(text, hashlib.sha256(text.encode()).digest()) for text in ("one", "two")
    ]
    shared = next(n for n, pair in enumerate(zip(*bodies, strict=False)) if pair[0] != pair[1])
    assert b"Say what the message is about." in bodies[0][:shared]
    assert b"my card" in bodies[0][:shared]


corrections = st.none() | st.builds(Correction, st.text(max_size=80), st.booleans())


@pytest.mark.parametrize("what", ["prompt", "examples", "schema", "token probabilities"])
@given(texts=st.lists(st.text(max_size=200), min_size=2, max_size=6), again=corrections)
def test_everything_before_the_document_is_the_same_in_all_requests_of_a_job(
    what: str, texts: list[str], again: Correction | None
) -> None:
    """Byte by byte, or the provider's prompt cache does not know it again; only the bound on an
    answer, which is no part of the prompt, may be another where one was cut."""
    template = RequestTemplate(DECISIVE[what])
    heads = set()
    for text in texts:
        digest = hashlib.sha256(text.encode()).digest()
        for correction in (None, again):
            body, most = template.request(text, digest, correction)
            head, last, _ = body.rpartition(b',{"role":"user","content":"<document-')
            assert last
            bound = b'"max_tokens":%d,'
            assert head.count(bound % most) == 1
            heads.add(head.replace(bound % most, bound % 0))
            if correction is None or not correction.longer:
                assert most == template.max_tokens
    assert len(heads) == 1


def test_token_probabilities_are_asked_for_only_where_confidence_needs_them() -> None:
    asked = json.loads(RequestTemplate(DECISIVE["token probabilities"]).body("t", TEXT))
    assert (asked["logprobs"], asked["top_logprobs"]) == (True, 5)
    assert "logprobs" not in json.loads(RequestTemplate(job()).body("t", TEXT))


def test_what_is_asked_of_a_long_document_fits_beside_prompt_and_answer() -> None:
    template = RequestTemplate(make_job(FOLDER, {"over_length": "truncate"}))
    text = " ".join(["paragraph"] * 20_000)
    asked = template.asked_text(text, count_tokens([text])[0])
    body = template.body(asked, hashlib.sha256(text.encode()).digest())
    used = count_tokens([body.decode()])[0] + template.max_tokens
    assert 15_900 < used <= 16_000
    assert template.asked_text("short", 1) == "short"


LONG = "\n\n".join(["One paragraph of a long document."] * 4000)
TOKENS = count_tokens([LONG])[0]


def in_parts(**changes: Any) -> RequestTemplate:
    return RequestTemplate(job(over_length="chunk_and_merge", **changes))


def test_each_part_of_a_long_document_fits_beside_prompt_and_answer() -> None:
    template = in_parts(chunks={"overlap_tokens": 100})
    assert template.divides(TOKENS)
    parts = template.parts(LONG)
    assert len(parts) == template.calls(TOKENS) > 1
    assert sum(part.tokens for part in parts) <= template.asked_tokens(TOKENS)
    for part in parts:
        body = template.body(part.text, part.input_hash)
        assert count_tokens([body.decode()])[0] + template.max_tokens <= 16_000


def test_a_part_is_the_question_that_a_document_with_its_text_is() -> None:
    part = in_parts().parts(LONG)[1]
    alone = RequestTemplate(job()).request_hash(part.input_hash, part.tokens)
    assert in_parts().request_hash(part.input_hash) == alone
    assert in_parts().request_hash(part.input_hash, part.tokens) == alone


DIVIDED: dict[str, RequestTemplate] = {
    "asked whole": RequestTemplate(job()),
    "asked by its beginning": RequestTemplate(job(over_length="truncate")),
    "in parts": in_parts(),
    "overlap": in_parts(chunks={"overlap_tokens": 1}),
    "a rule": in_parts(chunks={"merge": {"urgent": "max"}}),
    "another rule": in_parts(chunks={"merge": {"urgent": "weighted"}}),
    "room": RequestTemplate(
        make_job(
            FOLDER,
            {"over_length": "chunk_and_merge"},
            {"models": {"stub": {"price": "free", "context_tokens": 15_000}}},
        )
    ),
}


def test_a_long_document_is_another_question_for_each_way_of_cutting_and_merging() -> None:
    hashes = {template.request_hash(TEXT, TOKENS) for template in DIVIDED.values()}
    assert len(hashes) == len(DIVIDED)


def test_a_document_that_fits_is_the_same_question_however_long_ones_are_asked() -> None:
    assert {template.request_hash(TEXT, 100) for template in DIVIDED.values()} == {
        request_hash(job())
    }


@pytest.mark.parametrize("chunks", [{"most": 99}, {"merge": {"topic": "majority"}}])
def test_what_does_not_change_the_merged_answer_leaves_the_hash_alone(
    chunks: dict[str, Any],
) -> None:
    assert in_parts(chunks=chunks).request_hash(TEXT, TOKENS) == (
        in_parts().request_hash(TEXT, TOKENS)
    )


def test_a_document_that_is_asked_at_once_is_one_call() -> None:
    template = in_parts()
    assert (template.calls(100), template.asked_tokens(100)) == (1, 100)
    assert not template.divides(template.room)
    cut = RequestTemplate(job(over_length="truncate"))
    assert (cut.calls(TOKENS), cut.asked_tokens(TOKENS)) == (1, cut.room)
    assert not cut.divides(TOKENS)
