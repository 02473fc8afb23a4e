"""The one JSON type of a property of an answer: what its column, its check and its merging go by.

Reads JSON Schema; whether the schema is sound is judged in `schema_checks.py`.
"""

from __future__ import annotations

from typing import Any

JSON_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})


def property_type(schema: Any) -> str:
    """The JSON type of a property; `object` where it has none or several (kept as JSON text)."""
    if not isinstance(schema, dict):
        return "object"
    for keyword in ("anyOf", "oneOf"):
        branches = [one for one in schema.get(keyword, ()) if one != {"type": "null"}]
        if len(branches) == 1 and "type" not in schema:
            return property_type(branches[0])
    declared = schema.get("type")
    types = declared if isinstance(declared, list) else [declared]
    named = [one for one in types if one != "null"]
    if named and all(one in ("number", "integer") for one in named):
        return "number" if "number" in named else "integer"
    if len(named) == 1 and named[0] in JSON_TYPES:
        return str(named[0])
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values and all(isinstance(value, str) for value in values if value is not None):
        return "string"
    return "object"
