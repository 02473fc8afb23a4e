"""A property of an answer has one JSON type, whatever its schema looks like."""

from __future__ import annotations

import pytest

from batch_ai_assets.engine.spec.property_type import property_type


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": ["integer", "number"]}, "number"),
        ({"type": ["string", "integer"]}, "object"),
        ({"enum": ["a", "b", None]}, "string"),
        ({"enum": ["a", 1]}, "object"),
        ({"const": "x"}, "string"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "boolean"),
        ({"anyOf": [{"type": "boolean"}, {"type": "string"}]}, "object"),
        ({"$ref": "#/$defs/x"}, "object"),
        ({}, "object"),
        (True, "object"),
    ],
)
def test_a_property_has_one_type(schema: object, kind: str) -> None:
    assert property_type(schema) == kind
