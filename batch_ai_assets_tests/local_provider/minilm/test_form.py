"""Forms: what can be filled, and a clear refusal of what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from batch_ai_assets.local_provider.minilm.form import Choice, Confidence, read_form
from batch_ai_assets.local_provider.model import RequestRefused

from .asking import TOPIC, TOPICS, enum, schema, several

NUMBER: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}


def test_options_carry_what_the_description_says_of_them() -> None:
    (choice,) = read_form(TOPIC).choices
    assert {option.value: option.meaning for option in choice.options} == TOPICS


def test_a_meaning_may_take_several_lines_and_may_be_missing() -> None:
    asked = {
        "type": "string",
        "enum": ["a:b", "lost_card", "other"],
        "description": "Which?\n- a:b: first\n  and more\n- lost_card: second\n- unknown: x",
    }
    (choice,) = read_form(schema(field=asked)).choices
    assert [option.text for option in choice.options] == [
        "a:b: first and more",
        "lost card: second - unknown: x",
        "other",
    ]


def test_confidence_fields_belong_to_the_choice_they_are_named_after() -> None:
    form = read_form(
        schema(topic=enum(TOPICS), topic_confidence=NUMBER, confidence={"type": "number"})
    )
    assert form.fields[1:] == (
        Confidence("topic_confidence", "topic"),
        Confidence("confidence", None),
    )


def test_an_optional_field_that_cannot_be_filled_is_left_out() -> None:
    asked = schema(topic=enum(TOPICS), note={"type": "string"})
    asked["required"] = ["topic"]
    assert [field.name for field in read_form(asked).fields] == ["topic"]


def test_a_list_of_answers_is_a_form_for_several_documents() -> None:
    form = read_form(several(TOPIC))
    assert form.several
    assert [field.name for field in form.fields] == ["topic"]
    assert isinstance(form.fields[0], Choice)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (schema(topic=enum(TOPICS), summary={"type": "string"}), "'summary'"),
        (schema(topic=enum(TOPICS), amount={"type": "number"}), "'amount'"),
        (schema(topic=enum(TOPICS), confidence={"type": "number", "maximum": 100}), "'confidence'"),
        (schema(topic={"enum": [1, 2]}), "'topic'"),
        (schema(topic={"$ref": "#/$defs/topic"}), "'topic'"),
        (schema(confidence=NUMBER), "'confidence'"),
        (schema(answers={"type": "array"}), "'answers'"),
        (several(schema(summary={"type": "string"})), "'summary'"),
        ({"type": "array"}, "is none"),
        ({"type": "object", "properties": {}}, "is none"),
        ({}, "is none"),
    ],
)
def test_a_schema_that_cannot_be_filled_is_refused_and_says_where(
    asked: dict[str, Any], field: str
) -> None:
    with pytest.raises(RequestRefused, match=field) as caught:
        read_form(asked)
    assert (caught.value.status, caught.value.code) == (400, "unsupported_schema")
    assert "minilm-classifier" in caught.value.message
