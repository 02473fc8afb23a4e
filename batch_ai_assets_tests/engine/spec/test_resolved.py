"""A resolved job survives being stored, and its hash follows what decides results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.spec import JobSpec, ResolvedJob
from batch_ai_assets.engine.spec.registry import load_job

from .job_folders import SOUND, changed, write_job

PROVIDER = {
    "kind": "local",
    "models": {"minilm-classifier": {"price": "free", "context_tokens": 40_000}},
}


def _resolved(spec: dict[str, Any], **parts: Any) -> ResolvedJob:
    whole = {
        "spec": spec,
        "provider": PROVIDER,
        "prompt_text": "Sort the ticket.",
        "examples": [{"text": "It crashes.", "output": {"topic": "bug", "score": 1}}],
        "folder": "/registry/tickets",
        **parts,
    }
    return ResolvedJob.model_validate(whole)


@st.composite
def shuffled(draw: st.DrawFn, value: Any = SOUND) -> Any:
    """The same data with its keys in another order, but for the properties of the answer."""
    if not isinstance(value, dict):
        return value
    keys = draw(st.permutations(list(value)))
    return {
        key: value[key] if key in ("properties", "taxonomy") else draw(shuffled(value[key]))
        for key in keys
    }


IRRELEVANT = st.fixed_dictionaries(
    {
        "owner": st.sampled_from(["team:a", "someone@example.com"]),
        "purpose": st.text(min_size=1).filter(str.strip),
        "residency": st.sampled_from(["any", "eu"]),
        "budget": st.builds(lambda tokens: {"limit_tokens": tokens}, st.integers(1, 10**12)),
        "limits": st.builds(lambda calls: {"concurrency": calls}, st.integers(1, 1000)),
        "retry": st.builds(lambda calls: {"max_attempts": calls}, st.integers(1, 9)),
        "sla": st.sampled_from([None, {"within": "3h"}]),
        "thresholds": st.builds(lambda items: {"min_items": items}, st.integers(1, 10**6)),
        "batches": st.sampled_from([{}, {"cadence": "daily"}, {"cadence": "daily", "at": "04:00"}]),
        "retention": st.sampled_from([{}, {"inputs_days": 30}]),
        "consumers": st.sampled_from([[], ["risk"]]),
        "priority": st.sampled_from(["low", "urgent"]),
        "shards": st.just({"count": 7}),
        "prompt": st.just({**SOUND["prompt"], "items_per_request": 20}),
        "input_quality": st.just({"empty": 0.5, "block": ["empty"]}),
        "tags": st.dictionaries(st.text(), st.text(), max_size=2),
    }
)


@given(shuffled())
def test_the_order_of_keys_does_not_change_the_hash(spec: dict[str, Any]) -> None:
    assert _resolved(spec).spec_hash() == _resolved(SOUND).spec_hash()


@given(IRRELEVANT, st.text())
def test_what_no_result_depends_on_does_not_change_the_hash(
    parts: dict[str, Any], folder: str
) -> None:
    spec = {**SOUND, **parts}
    provider = {
        **PROVIDER,
        "base_url": "http://127.0.0.1:1/v1",
        "secret": "env:KEY",
        "limits": {"requests_per_minute": 5},
        "models": {
            "minilm-classifier": {
                "price": {"input_usd_per_million": 1, "output_usd_per_million": 1},
                "context_tokens": 40_000,
            }
        },
    }
    other = _resolved(spec, folder=folder, provider=provider)
    assert other.spec_hash() == _resolved(SOUND).spec_hash()


@pytest.mark.parametrize(
    "change",
    [
        ("job", "others"),
        ("data_classification", "public"),
        ("input.path", "{home}/elsewhere"),
        ("input.text", "body"),
        ("input.clean", ["nfc"]),
        ("model.version", "2026-01-01"),
        ("model.parameters", {"temperature": 0.5}),
        ("model.parameters", {"seed": 7}),
        ("model.parameters", {"max_tokens": 8}),
        ("prompt.version", "2"),
        ("output.version", "2"),
        ("output.schema.properties.score.type", "integer"),
        ("output.schema.properties", {"score": {"type": "number"}, "topic": {"type": "string"}}),
        ("output.taxonomy.topic.bill", "Anything about money."),
        ("output.taxonomy.topic", {"bug": "Something is broken.", "bill": "About money."}),
        ("output.confidence.field", "score"),
        ("output.review_below", 0.5),
        ("rules.0.sql", "topic <> 'x'"),
        ("rules.0.severity", "warn"),
        ("evaluation", {"field": "topic", "truth": "label"}),
        ("over_length", "truncate"),
        ("over_length", "chunk_and_merge"),
        ("chunks", {"overlap_tokens": 10}),
        ("chunks", {"merge": {"score": "max"}}),
        ("chunks", {"most": 3}),
        ("groups", [{"name": "long", "tokens_from": 100, "over_length": "truncate"}]),
        ("groups", [{"name": "long", "tokens_from": 100, "parameters": {"seed": 1}}]),
    ],
)
def test_what_decides_results_changes_the_hash(change: tuple[str, object]) -> None:
    assert _resolved(changed(change)).spec_hash() != _resolved(SOUND).spec_hash()


@pytest.mark.parametrize(
    "part",
    [
        {"prompt_text": "Sort it."},
        {"examples": []},
        {
            "provider": {
                **PROVIDER,
                "models": {"minilm-classifier": {"price": "free", "context_tokens": 900}},
            }
        },
    ],
)
def test_prompt_examples_and_context_change_the_hash(part: dict[str, Any]) -> None:
    assert _resolved(SOUND, **part).spec_hash() != _resolved(SOUND).spec_hash()


def test_every_key_of_a_job_is_known_to_be_relevant_or_not() -> None:
    """A new key must be put on one side on purpose: here, and in the tests above."""
    relevant = {"job", "data_classification", "input", "model", "prompt", "output", "rules"}
    relevant |= {"evaluation", "groups", "over_length", "chunks"}
    irrelevant = {"owner", "purpose", "residency", "budget", "limits", "retry", "sla"}
    irrelevant |= {"thresholds", "batches", "retention", "consumers", "tags"}
    irrelevant |= {"input_quality", "priority", "shards", "early_stop", "consumer_webhook", "slo"}
    assert relevant | irrelevant == set(JobSpec.model_fields)


def test_a_job_is_the_same_after_being_stored_as_json(tmp_path: Path) -> None:
    job = load_job(write_job(tmp_path))
    stored = job.model_dump_json()
    again = ResolvedJob.model_validate_json(stored)
    assert again == job
    assert again.spec_hash() == job.spec_hash()
    assert again.output_schema() == job.output_schema()
    assert '"schema":{' in stored
    assert '"from":"logprob"' in stored


def test_the_answer_schema_carries_the_taxonomy_and_its_meanings() -> None:
    job = _resolved(changed(("output.schema.properties.topic.description", "The topic.")))
    schema = job.output_schema()
    assert schema["properties"]["topic"] == {
        "type": "string",
        "description": "The topic.\n- bill: About money.\n- bug: Something is broken.",
        "enum": ["bill", "bug"],
    }
    assert schema["required"] == ["topic", "score"]
    assert schema["additionalProperties"] is False


def test_making_the_answer_schema_leaves_the_job_as_it_was() -> None:
    job = _resolved(changed(("output.schema.required", ["topic"])))
    job.output_schema()["properties"].clear()
    assert job.output_schema()["required"] == ["topic"]
    assert list(job.output_schema()["properties"]) == ["topic", "score"]
    assert "enum" not in job.spec.output.json_schema["properties"]["topic"]


def test_a_model_without_a_pinned_version_goes_by_its_name() -> None:
    assert _resolved(SOUND).model_version == "minilm-classifier"
    assert _resolved(changed(("model.version", "v2"))).model_version == "v2"
