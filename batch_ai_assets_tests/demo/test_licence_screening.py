"""The bundled job: it loads, is our own writing, agrees with itself, and is right."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import duckdb
import pytest

import batch_ai_assets
from batch_ai_assets.demo.licences import documents
from batch_ai_assets.engine.spec.registry import load_job
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.local_provider.minilm import MiniLMClassifier
from batch_ai_assets.local_provider.model import ChatRequest, Message

LONGEST_SHARED_RUN = 8
"""Words. Names such as `GNU Lesser General Public License` are shared; sentences must not be."""


@pytest.fixture(scope="module")
def job() -> ResolvedJob:
    return load_job(Path(batch_ai_assets.__file__).parent / "registry" / "licence_screening")


@cache
def licences() -> tuple[dict[str, str], ...]:
    return tuple(documents(distributions()))


def broken_rules(job: ResolvedJob, answer: dict[str, Any]) -> list[str]:
    """Names of the rules of severity error that an answer fails."""
    found = []
    with duckdb.connect() as connection:
        for rule in job.spec.rules:
            query = f"SELECT coalesce(({rule.sql}), false) FROM (SELECT $family AS family, "
            query += "$obligations AS obligations)"
            row = connection.execute(query, answer).fetchone()
            if rule.severity == "error" and row == (False,):
                found.append(rule.name)
    return found


def test_it_runs_on_the_bundled_model_with_a_bounded_budget_and_a_deadline(
    job: ResolvedJob,
) -> None:
    assert (job.spec.model.provider, job.spec.model.name) == ("local", "minilm-classifier")
    assert job.spec.budget.limit_tokens
    assert job.spec.sla
    assert job.spec.evaluation
    assert set(job.spec.input.attributes) >= {"truth", "half"}


def test_every_family_has_a_meaning_and_all_that_metadata_can_name_are_families(
    job: ResolvedJob,
) -> None:
    from batch_ai_assets.demo import licence_metadata as known

    families = job.spec.output.taxonomy["family"]
    named = {*known._BY_SPDX.values(), *known._BY_SPDX_START.values(), *known._BY_PROSE, "other"}
    assert named <= families.keys()
    assert all(families.values())


def test_every_example_is_a_valid_answer_that_passes_the_rules(job: ResolvedJob) -> None:
    for example in job.examples:
        for field, values in job.spec.output.taxonomy.items():
            assert example.output[field] in values
        assert broken_rules(job, example.output) == []
    assert {example.output["family"] for example in job.examples} == set(
        job.spec.output.taxonomy["family"]
    )


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (("mit", "weak_copyleft"), "permissive_family_carries_no_copyleft"),
        (("public_domain", "strong_copyleft"), "permissive_family_carries_no_copyleft"),
        (("apache", "none"), "permissive_family_asks_for_its_notice"),
        (("mpl", "attribution"), "weak_copyleft_family_says_so"),
        (("gpl", "none"), "strong_copyleft_family_says_so"),
    ],
)
def test_a_contradictory_answer_fails_the_rule_that_says_so(
    job: ResolvedJob, answer: tuple[str, str], rule: str
) -> None:
    assert rule in broken_rules(job, {"family": answer[0], "obligations": answer[1]})


def test_no_sentence_of_an_installed_licence_stands_in_the_job(job: ResolvedJob) -> None:
    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z0-9]+", text.lower())
        size = LONGEST_SHARED_RUN
        return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}

    texts = [job.prompt_text, *(example.text for example in job.examples)]
    texts += [text for values in job.spec.output.taxonomy.values() for text in values.values()]
    ours = set[tuple[str, ...]]().union(*map(runs, texts))
    for text in {line["text"] for line in licences()}:
        assert not (shared := ours & runs(text)), [" ".join(run) for run in shared]


def test_nine_in_ten_licences_of_the_odd_half_are_told_right_and_break_no_rule(
    job: ResolvedJob,
) -> None:
    """A sample, for time: the demo reports the figure over all of them."""
    model = MiniLMClassifier()
    odd = [line for line in licences() if line["half"] == "odd" and line["truth"]]
    sample = odd[:: max(1, len(odd) // 30)]
    right = 0
    for line in sample:
        request = ChatRequest(
            model.name, conversation(job, line["text"]), job.output_schema(), 64, True, 5
        )
        answer = json.loads(model.answer(request).content)
        assert broken_rules(job, answer) == [], line["id"]
        right += answer["family"] == line["truth"]
    assert right / len(sample) >= 0.9, f"{right} of {len(sample)}"


def conversation(job: ResolvedJob, text: str) -> tuple[Message, ...]:
    messages = [Message("system", job.prompt_text)]
    for example in job.examples:
        messages.append(Message("user", block(example.text)))
        messages.append(Message("assistant", json.dumps(example.output)))
    return (*messages, Message("user", block(text)))


def block(text: str) -> str:
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"<document-{mark}>\n{text}\n</document-{mark}>"
