"""The bundled job `message_triage`: it loads, agrees with itself, and sorts messages rightly."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from batch_ai_assets.engine.spec.registry import BUNDLED_REGISTRY, load_job
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.local_provider.minilm import MiniLMClassifier

from .asking import Told, ask
from .messages import ASIDE, MESSAGES

ACCURACY = 0.85
"""Of all messages, the unsure ones included."""
RELEASED_ACCURACY = 0.9
"""Of the messages that are released without a person having looked."""


@pytest.fixture(scope="module")
def job() -> ResolvedJob:
    return load_job(BUNDLED_REGISTRY / "message_triage")


@pytest.fixture(scope="module")
def model() -> MiniLMClassifier:
    return MiniLMClassifier()


@pytest.fixture(scope="module")
def told(job: ResolvedJob, model: MiniLMClassifier) -> dict[str, Told]:
    """What the model says of every message that has an intent."""
    return {text: ask(model, job, text) for texts in MESSAGES.values() for text in texts}


def right(told: dict[str, Told], surer_than: float = 0.0) -> tuple[int, int]:
    """How many messages got their intent, and how many were counted."""
    sure = {text: one for text, one in told.items() if one.confidence >= surer_than}
    hits = sum(
        text in sure and sure[text].fields["intent"] == intent
        for intent, texts in MESSAGES.items()
        for text in texts
    )
    return hits, len(sure)


def broken_rules(job: ResolvedJob, *answers: dict[str, str]) -> list[list[str]]:
    """For each answer the names of the rules of severity error that it fails."""
    rules = [rule for rule in job.spec.rules if rule.severity == "error"]
    columns = ", ".join(f"coalesce(({rule.sql}), false)" for rule in rules)
    query = f"SELECT {columns} FROM (SELECT $intent AS intent, $desk AS desk)"
    found = []
    with duckdb.connect() as connection:
        for answer in answers:
            held = connection.execute(query, answer).fetchone()
            assert held is not None
            found.append([rule.name for rule, ok in zip(rules, held, strict=True) if not ok])
    return found


def test_it_runs_by_itself_on_the_bundled_model_when_enough_has_arrived(job: ResolvedJob) -> None:
    assert (job.spec.model.provider, job.spec.model.name) == ("local", "minilm-classifier")
    assert job.spec.batches.cadence == "on_arrival"
    assert job.spec.batches.arrival is not None
    assert job.spec.batches.arrival.items
    assert job.spec.batches.arrival.age
    assert job.spec.budget.limit_tokens
    assert job.spec.sla
    assert job.spec.output.review_below


def test_it_has_a_dozen_intents_each_with_a_meaning_and_three_examples(job: ResolvedJob) -> None:
    intents = job.spec.output.taxonomy["intent"]
    assert len(intents) == 12
    assert all(intents.values())
    assert Counter(one.output["intent"] for one in job.examples) == dict.fromkeys(intents, 3)
    assert len({one.text for one in job.examples}) == 36


def test_every_example_passes_the_rules_and_every_desk_is_shown(job: ResolvedJob) -> None:
    answers = [example.output for example in job.examples]
    assert broken_rules(job, *answers) == [[]] * len(answers)
    assert {one.output["desk"] for one in job.examples} == set(job.spec.output.taxonomy["desk"])


def test_an_answer_whose_intent_and_desk_disagree_fails_a_rule(job: ResolvedJob) -> None:
    desk_of = {one.output["intent"]: one.output["desk"] for one in job.examples}
    desks = job.spec.output.taxonomy["desk"]
    answers = [{"intent": intent, "desk": desk} for intent in desk_of for desk in desks]
    for answer, failed in zip(answers, broken_rules(job, *answers), strict=True):
        agree = answer["desk"] == desk_of[answer["intent"]]
        assert len(failed) == (0 if agree else 1), answer


def test_the_messages_that_judge_it_are_not_those_it_learns_from(job: ResolvedJob) -> None:
    assert set(MESSAGES) == set(job.spec.output.taxonomy["intent"])
    texts = [text for texts in MESSAGES.values() for text in texts]
    assert len(set(texts)) == len(texts) == 72
    said = [one.text for one in job.examples]
    said += [meaning for values in job.spec.output.taxonomy.values() for meaning in values.values()]
    shared = set().union(*map(runs, said)) & set().union(*map(runs, [*texts, *ASIDE]))
    assert not shared, [" ".join(words) for words in shared]


def test_messages_get_the_intent_that_their_writer_had(told: dict[str, Told]) -> None:
    hits, counted = right(told)
    assert hits / counted >= ACCURACY, f"{hits} of {counted}"


def test_what_is_released_without_a_person_is_right_more_often(
    job: ResolvedJob, told: dict[str, Told]
) -> None:
    assert job.spec.output.review_below is not None
    hits, counted = right(told, job.spec.output.review_below)
    assert counted >= len(told) / 2, f"only {counted} of {len(told)} need no person"
    assert hits / counted >= RELEASED_ACCURACY, f"{hits} of {counted}"


def test_no_answer_contradicts_itself(job: ResolvedJob, told: dict[str, Told]) -> None:
    failed = broken_rules(job, *(one.fields for one in told.values()))
    assert [text for text, names in zip(told, failed, strict=True) if names] == []


def test_what_no_desk_answers_mostly_waits_for_a_person(
    job: ResolvedJob, model: MiniLMClassifier
) -> None:
    assert job.spec.output.review_below is not None
    unsure = [
        text for text in ASIDE if ask(model, job, text).confidence < job.spec.output.review_below
    ]
    assert len(unsure) >= 0.75 * len(ASIDE), f"{len(unsure)} of {len(ASIDE)}"


def test_no_sentence_of_the_real_messages_stands_in_the_job(
    job: ResolvedJob, real_data: Path
) -> None:
    ours = [one.text for one in job.examples]
    ours += [text for texts in MESSAGES.values() for text in texts]
    theirs = (real_data / "banking77" / "train.csv").read_text(encoding="utf-8")
    assert not (shared := set().union(*map(runs, ours)) & runs(theirs)), shared


def runs(text: str, size: int = 8) -> set[tuple[str, ...]]:
    """Runs of so many words: names and idioms may be shared, sentences must not be."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}
