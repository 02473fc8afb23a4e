"""What changed in a job between two frozen specs, and what of it is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.reporting.job_changes import job_changes

from ..world import make_job


def rule(name: str, sql: str = "urgent", severity: str = "error", **more: str) -> dict[str, str]:
    return {"name": name, "sql": sql, "severity": severity, **more}


BASE: dict[str, Any] = {"rules": [rule("small"), rule("large")], "consumers": ["crm"]}


def frozen(changes: dict[str, Any] | None = None, **top: Any) -> str:
    job = make_job(Path("/jobs"), {**BASE, **(changes or {})})
    return json.dumps({**json.loads(job.model_dump_json(by_alias=True)), **top})


def told(before: str, after: str) -> dict[str, str]:
    return {one.path: one.words for one in job_changes(before, after)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, {}),
        ({"over_length": "chunk_and_merge"}, {"over_length": "dead_letter → chunk_and_merge"}),
        ({"model": {"parameters": {"max_tokens": 64}}},
         {"model.parameters.max_tokens": "32 → 64"}),
        ({"rules": [rule("small", severity="warn"), rule("large")]},
         {"rules[small].severity": "error → warn"}),
        ({"rules": [rule("large"), rule("small")]}, {"rules": "reordered"}),
        ({"rules": [rule("large"), rule("new")]},
         {"rules[small]": "removed", "rules[new]": "added"}),
        ({"rules": []}, {"rules[small]": "removed", "rules[large]": "removed"}),
        ({"rules": [rule("small", sql="urgent OR " * 9 + "urgent"), rule("large")]},
         {"rules[small].sql": "changed"}),
        ({"rules": [rule("small", description="For\naudit."), rule("large")]},
         {"rules[small].description": "changed"}),
        ({"consumers": ["crm", "bi"]}, {"consumers": "crm → crm, bi"}),
        ({"sla": {"within": "2h"}}, {"sla": "added"}),
        ({"output": {"taxonomy": {"topic": {"loan": "About a loan."}}}},
         {"output.taxonomy.topic.loan": "added: About a loan."}),
        ({"budget": {"limit_tokens": 9}}, {"budget.limit_tokens": "added: 9"}),
    ],
)  # fmt: skip
def test_each_changed_place_is_named_with_its_short_values(
    changes: dict[str, Any], said: dict[str, str]
) -> None:
    assert told(frozen(), frozen(changes)) == said


def test_prompts_and_examples_are_changed_and_no_word_of_them_is_repeated() -> None:
    solved = [{"text": "private words", "output": {"topic": "card", "urgent": False}}]
    after = frozen(
        prompt_text="private words", examples=solved, group_prompts={"long": "private words"}
    )
    assert told(frozen(), after) == {
        "prompt text": "changed", "examples": "added", "groups[long].prompt text": "added",
    }  # fmt: skip
    assert told(after, frozen())["examples"] == "removed"
    assert "private" not in str(job_changes(frozen(), after))


def test_the_provider_counts_and_of_its_models_only_the_one_that_is_asked() -> None:
    provider = json.loads(frozen())["provider"]
    provider["region"] = "eu"
    provider["secret"] = "env:KEY"
    provider["models"] = {"stub": {**provider["models"]["stub"], "context_tokens": 99}, "more": {}}
    assert told(frozen(), frozen(provider=provider)) == {
        "provider.region": "any → eu",
        "provider.secret": "added",
        "provider.models.stub.context_tokens": "16000 → 99",
    }


def test_what_is_no_job_differs_in_nothing() -> None:
    assert job_changes("a spec", frozen()) == job_changes(frozen(), "[1]") == ()
