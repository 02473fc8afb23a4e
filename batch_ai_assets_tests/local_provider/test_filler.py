from __future__ import annotations

import hashlib
import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.local_provider.filler import Draw, compile_schema
from batch_ai_assets.local_provider.model import RequestRefused

integers = st.builds(
    lambda low, width: {"type": "integer", "minimum": low, "maximum": low + width},
    st.integers(-1000, 1000),
    st.integers(0, 50),
)
numbers = st.builds(
    lambda low, width, key: {"type": "number", f"{key}inimum": low, "maximum": low + width},
    st.floats(-1000, 1000),
    st.floats(0.001, 50),
    st.just("m"),
)
strings = st.builds(
    lambda low, width: {"type": "string", "minLength": low, "maxLength": low + width},
    st.integers(0, 40),
    st.integers(0, 40),
)
leaves = st.one_of(
    integers,
    numbers,
    strings,
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "null"},
            {"type": ["string", "null"]},
            {"type": "number"},
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2},
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
            {"type": "integer", "multipleOf": 7, "minimum": 10},
            {"type": "string", "format": "date"},
            {"type": "string", "format": "uuid"},
            {"enum": ["a", 1, None, True]},
            {"const": {"fixed": 1}},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"$ref": "#/$defs/leaf"},
            {},
        ]
    ),
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda items, low, width: {
                "type": "array",
                "items": items,
                "minItems": low,
                "maxItems": low + width,
            },
            inner,
            st.integers(0, 3),
            st.integers(0, 3),
        ),
        st.dictionaries(st.sampled_from("abcde"), inner, max_size=4).map(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties),
                "additionalProperties": False,
            }
        ),
    ),
    max_leaves=8,
)


def drawn(schema: dict[str, Any], text: str) -> Any:
    return compile_schema(schema)(Draw(hashlib.sha256(text.encode()).digest()))


@settings(max_examples=300)
@given(schemas, st.text(max_size=20))
def test_any_practical_schema_is_filled_validly_and_always_the_same(
    schema: dict[str, Any], text: str
) -> None:
    whole = {
        "type": "object",
        "properties": {"value": schema},
        "required": ["value"],
        "$defs": {"leaf": {"enum": ["x", "y"]}},
    }
    value = drawn(whole, text)
    jsonschema_rs.validate(whole, json.loads(json.dumps(value)))
    assert drawn(whole, text) == value


def test_every_option_of_an_enum_is_drawn_about_as_often_as_the_others() -> None:
    options = [f"option {number}" for number in range(10)]
    schema = {"type": "object", "properties": {"label": {"enum": options}}}
    counts = dict.fromkeys(options, 0)
    for number in range(5000):
        counts[drawn(schema, f"text {number}")["label"]] += 1
    assert all(400 < count < 600 for count in counts.values()), counts


def test_optional_fields_that_nest_without_end_are_left_out_at_the_bottom() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "child": {"$ref": "#"}},
        "required": ["name"],
    }
    jsonschema_rs.validate(schema, drawn(schema, "x"))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a+$"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/missing"},
        {"type": "integer", "minimum": 1.2, "maximum": 1.8},
        {"type": "string", "minLength": 5, "maxLength": 2},
        {"type": "wish"},
        {"type": "number", "minimum": "low"},
        {"properties": [1]},
        {"not": {}},
    ],
)
def test_a_schema_that_cannot_be_filled_is_refused_with_a_400(schema: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused) as refused:
        compile_schema(schema)
    assert (refused.value.status, refused.value.code) == (400, "invalid_json_schema")
