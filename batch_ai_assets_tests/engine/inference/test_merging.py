"""Merging: what each rule makes of the parts' answers, and that it is an answer like any other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.merging import Merge, Merged, PartAnswer, merge_rules
from batch_ai_assets.engine.inference.outcome import FailureClass
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.validation.answer import AnswerCheck

from ..world import make_job

PROPERTIES: dict[str, Any] = {
    "kind": {"type": "string", "enum": ["lease", "loan", "sale"]},
    "law": {"type": ["string", "null"]},
    "parties": {"type": "array", "items": {"type": "string"}},
    "signed": {"type": "boolean"},
    "risk": {"type": "number", "minimum": 0, "maximum": 1},
    "pages": {"type": "integer", "minimum": 1, "maximum": 10},
    "grade": {"enum": [1, 2, 5], "type": "integer"},
    "share": {"type": "number", "multipleOf": 0.25},
}


def job(
    merge: dict[str, str] | None = None,
    properties: dict[str, Any] | None = None,
    confidence: dict[str, str] | None = None,
    **schema: Any,
) -> ResolvedJob:
    """A job that asks long documents in parts; its answers have these properties."""
    spec = {"chunks": {"merge": merge or {}}, "output": {"confidence": confidence}}
    made = make_job(Path("/jobs/topics"), {"over_length": "chunk_and_merge", **spec}).spec
    shape = {"type": "object", "properties": properties or PROPERTIES, "required": [], **schema}
    output = made.output.model_copy(update={"json_schema": shape, "taxonomy": {}})
    return make_job(Path("/jobs/topics")).model_copy(
        update={"spec": made.model_copy(update={"output": output})}
    )


def merged(made: ResolvedJob, *said: tuple[Any, int], field: str) -> Any:
    """What `field` is merged to, of (value, tokens) of the parts."""
    return fields_of(merge(made, *(({field: value}, tokens) for value, tokens in said)))[field]


def merge(made: ResolvedJob, *said: tuple[dict[str, Any], int]) -> Merged:
    return Merge(made).merge([PartAnswer(fields, tokens, None) for fields, tokens in said])


def fields_of(answer: Merged) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(answer.content)
    return fields


def test_numbers_are_weighted_and_all_else_goes_by_majority_unless_the_job_says_otherwise() -> None:
    assert merge_rules(job({"pages": "max", "law": "weighted"})) == {
        "kind": "majority", "law": "weighted", "parties": "majority", "signed": "majority",
        "risk": "weighted", "pages": "max", "grade": "weighted", "share": "weighted",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ([("loan", 1), ("lease", 900), ("loan", 1)], "loan"),
        ([("loan", 10), ("lease", 11)], "lease"),
        ([("loan", 10), ("lease", 6), ("lease", 5), ("loan", 1)], "loan"),
        ([("lease", 5), ("loan", 5)], "lease"),
        ([("loan", 5), ("lease", 5)], "loan"),
    ],
)
def test_majority_is_the_most_frequent_value_then_the_one_with_more_text_then_the_earlier(
    said: list[tuple[str, int]], value: str
) -> None:
    assert merged(job(), *said, field="kind") == value


def test_majority_takes_lists_for_equal_where_their_json_is() -> None:
    said = (["A", "B"], 1), (["A"], 1), (["A", "B"], 1)
    assert merged(job(), *said, field="parties") == ["A", "B"]


def test_numbers_are_equal_by_value_and_are_never_true_or_false() -> None:
    made = job({"x": "majority"}, {"x": {"type": ["number", "boolean"]}})
    assert merged(made, (True, 1), (1, 1), (1.0, 1), (True, 9), (1, 1), field="x") == 1
    assert merged(made, (1, 1), (True, 2), field="x") is True


def test_max_is_the_largest_number_and_true_over_false() -> None:
    made = job({"pages": "max", "signed": "max"})
    assert merged(made, (3, 900), (7, 1), (5, 10), field="pages") == 7
    assert merged(made, (False, 900), (True, 1), field="signed") is True
    assert merged(made, (False, 900), (False, 1), field="signed") is False


def test_weighted_is_the_mean_of_numbers_by_tokens() -> None:
    assert merged(job(), (0.2, 100), (0.8, 300), field="risk") == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("said", "value"),
    [([(2, 1), (3, 1)], 3), ([(2, 3), (3, 1)], 2), ([(1, 1), (10, 1)], 6), ([(9, 1), (10, 1)], 10)],
)
def test_a_whole_number_is_rounded_half_up(said: list[tuple[int, int]], value: int) -> None:
    answer = merged(job(), *said, field="pages")
    assert (answer, type(answer)) == (value, int)


def test_a_whole_number_below_zero_is_rounded_half_up_too() -> None:
    made = job(properties={"x": {"type": "integer"}})
    assert merged(made, (-2, 1), (-3, 1), field="x") == -2


def test_where_the_schema_does_not_allow_the_mean_the_nearest_answered_number_is_taken() -> None:
    assert merged(job(), (1, 1), (5, 3), field="grade") == 5
    assert merged(job(), (1, 3), (5, 1), (2, 1), field="grade") == 2
    assert merged(job(), (0.25, 1), (0.5, 1), (1.0, 1), field="share") == 0.5
    assert merged(job(), (0.25, 1), (0.75, 1), field="share") == 0.5


def test_weighted_takes_of_other_values_the_one_with_the_most_text_behind_it() -> None:
    made = job({"kind": "weighted", "signed": "weighted"})
    assert merged(made, ("loan", 1), ("lease", 9), ("loan", 7), field="kind") == "lease"
    assert merged(made, (True, 5), (False, 4), (True, 5), field="signed") is True


@pytest.mark.parametrize("rule", ["majority", "weighted"])
def test_a_part_that_leaves_a_field_out_or_says_null_has_no_say_in_it(rule: str) -> None:
    made = job({"law": rule})
    said = ({}, 900), ({"law": None}, 900), ({"law": None}, 900), ({"law": "Ohio"}, 1)
    assert fields_of(merge(made, *said)) == {"law": "Ohio"}


def test_a_field_that_no_part_knows_is_null_and_one_that_no_part_names_is_left_out() -> None:
    assert fields_of(merge(job(), ({"law": None}, 1), ({}, 1))) == {"law": None}


def test_fields_come_in_the_order_of_the_schema() -> None:
    said = {"signed": True, "law": "Ohio", "kind": "loan"}
    assert list(fields_of(merge(job(), (said, 1), (said, 1)))) == ["kind", "law", "signed"]


def test_a_merged_answer_that_is_not_usable_fails_for_good_as_an_invalid_one() -> None:
    kinds = {"oneOf": [{"required": ["law"]}, {"required": ["pages"]}]}
    answer = merge(job(**kinds), ({"law": "Ohio"}, 1), ({"pages": 3}, 1))
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.reason) == (FailureClass.PERMANENT, "schema")
    assert answer.failure.message.startswith("Merged from 2 answers by the rules of chunks.merge: ")
    assert "Ohio" not in answer.failure.message
    assert fields_of(answer) == {"law": "Ohio", "pages": 3}


def test_a_schema_with_definitions_of_its_own_is_merged_by_them() -> None:
    made = job(
        properties={"x": {"type": "integer", "allOf": [{"$ref": "#/kept/odd"}]}},
        kept={"odd": {"enum": [1, 3, 5]}},
    )
    assert merged(made, (1, 1), (3, 1), (5, 2), field="x") == 3


@pytest.mark.parametrize(
    ("sure", "confidence"),
    [([(0.5, 1), (1.0, 3)], 0.875), ([(None, 9), (0.5, 1)], 0.5), ([(None, 1), (None, 1)], None)],
)
def test_confidence_by_token_probabilities_is_the_weighted_mean_of_those_that_are_known(
    sure: list[tuple[float | None, int]], confidence: float | None
) -> None:
    made = job(confidence={"from": "logprob", "field": "kind"})
    parts = [PartAnswer({"kind": "loan"}, tokens, known) for known, tokens in sure]
    assert Merge(made).merge(parts).confidence == confidence


@pytest.mark.parametrize(("rule", "confidence"), [(None, 0.65), ("max", 0.8), ("majority", 0.8)])
def test_confidence_that_the_answer_says_itself_is_what_the_merged_answer_says(
    rule: str | None, confidence: float
) -> None:
    made = job({"risk": rule} if rule else {}, confidence={"from": "field", "field": "risk"})
    parts = [PartAnswer({"risk": 0.2}, 100, 0.2), PartAnswer({"risk": 0.8}, 300, 0.8)]
    answer = Merge(made).merge(parts)
    assert answer.confidence == fields_of(answer)["risk"] == pytest.approx(confidence)


def test_without_a_confidence_in_the_job_a_merged_answer_has_none() -> None:
    assert merge(job(), ({"kind": "loan"}, 1)).confidence is None


SAID = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["lease", "loan", "sale"]),
        "law": st.sampled_from([None, "Ohio", "Utah"]),
        "parties": st.lists(st.sampled_from("AB"), max_size=2),
        "signed": st.booleans(),
        "risk": st.floats(0, 1),
        "pages": st.integers(1, 10),
        "grade": st.sampled_from([1, 2, 5]),
        "share": st.sampled_from([0, 0.25, 0.5, 3.0]),
    },
)
PARTS = st.lists(
    st.builds(
        PartAnswer, SAID, st.integers(1, 100_000), st.one_of(st.none(), st.floats(0, 1))
    ),
    min_size=1, max_size=8,
)  # fmt: skip
RULES = st.fixed_dictionaries(
    {},
    optional={name: st.sampled_from(["majority", "weighted"]) for name in PROPERTIES}
    | {name: st.sampled_from(["max", "weighted"]) for name in ("signed", "risk", "pages", "grade")},
)


@given(PARTS, RULES)
def test_what_is_merged_of_usable_answers_is_usable(
    parts: Sequence[PartAnswer], rules: dict[str, str]
) -> None:
    made = job(rules)
    answer = Merge(made).merge(parts)
    assert answer.failure is None
    assert AnswerCheck(made).check(answer.content.decode()).fields == fields_of(answer)
    assert fields_of(answer).keys() == {name for part in parts for name in part.fields}


@given(PARTS, RULES)
def test_a_number_stays_between_the_smallest_and_the_largest_and_all_else_was_said_by_a_part(
    parts: Sequence[PartAnswer], rules: dict[str, str]
) -> None:
    for name, value in fields_of(Merge(job(rules)).merge(parts)).items():
        said = [part.fields[name] for part in parts if name in part.fields]
        if name in ("risk", "pages", "grade", "share"):
            assert min(said) <= value <= max(said)
        else:
            assert value in said


@given(SAID, st.lists(st.integers(1, 100_000), min_size=1, max_size=5), RULES)
def test_parts_that_agree_are_merged_to_what_they_say(
    said: dict[str, Any], tokens: list[int], rules: dict[str, str]
) -> None:
    answer = merge(job(rules), *((said, weight) for weight in tokens))
    assert fields_of(answer) == said


@given(PARTS)
def test_confidence_stays_between_the_least_and_the_most_sure_part(
    parts: Sequence[PartAnswer],
) -> None:
    made = job(confidence={"from": "logprob", "field": "kind"})
    known = [part.confidence for part in parts if part.confidence is not None]
    confidence = Merge(made).merge(parts).confidence
    assert confidence is None if not known else min(known) <= (confidence or 0.0) <= max(known)
