"""Whether `output` is sound: a valid JSON Schema of an object, with a taxonomy that fits it.

Checks by jsonschema-rs, offline: a schema that points to the network is refused. Answers of
models are judged in `engine/validation/`, with the same schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import jsonschema_rs

from .job import OutputSpec
from .problems import did_you_mean, one_of, shown
from .resolved import Example, ResolvedJob
from .yaml_file import Where

Finding: TypeAlias = tuple[Where, str]

_META = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_SCHEMA: Where = ("output", "schema")


def check_output(output: OutputSpec) -> Iterator[Finding]:
    """Everything that is wrong with a job's `output`."""
    unsound = list(_check_json_schema(output.json_schema))
    if unsound:
        yield from unsound
        return
    yield from _check_object(output.json_schema)
    if output.property_names():
        yield from _check_taxonomy(output)
        yield from _check_confidence(output)


def check_examples(job: ResolvedJob) -> Iterator[Finding]:
    """Each example's answer against the schema that answers must meet; paths in the examples."""
    validator = jsonschema_rs.validator_for(job.output_schema(), offline=True)
    for place, example in enumerate(job.examples):
        yield from _check_example(place, example, validator)


def _check_example(
    place: int, example: Example, validator: jsonschema_rs.Validator
) -> Iterator[Finding]:
    for error in validator.iter_errors(example.output):
        yield (
            (place, "output", *error.instance_path),
            f"{error.message}. Correct the example, or output.schema and output.taxonomy.",
        )


def _check_json_schema(schema: dict[str, Any]) -> Iterator[Finding]:
    found = False
    meta = jsonschema_rs.validator_for(_META, offline=True)
    for error in meta.iter_errors(schema):
        found = True
        yield (*_SCHEMA, *error.instance_path), _explain(error)
    if found:
        return
    try:
        jsonschema_rs.validator_for(schema, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        path = getattr(error, "instance_path", ())
        problem = str(error).splitlines()[0]
        yield (*_SCHEMA, *path), f"{problem}. Write what JSON Schema 2020-12 allows, in this file."


def _explain(error: jsonschema_rs.ValidationError) -> str:
    key = error.instance_path[-1] if error.instance_path else None
    if key == "type" and isinstance(error.instance, str):
        guess = did_you_mean(error.instance, _TYPES)
        return f"{shown(error.instance)} is not a JSON type.{guess} Known: {one_of(_TYPES)}."
    return f"{error.message}. Write what JSON Schema 2020-12 allows."


def _check_object(schema: dict[str, Any]) -> Iterator[Finding]:
    if schema.get("type") != "object":
        yield (
            (*_SCHEMA, "type"),
            f"an answer is an object with fields; write type: object, not"
            f" {shown(schema.get('type'))}.",
        )
    properties = schema.get("properties", {})
    if not properties:
        yield (*_SCHEMA, "properties"), "is missing or empty. Name the fields of an answer."
    for place, name in enumerate(schema.get("required", ())):
        if name not in properties:
            yield (
                (*_SCHEMA, "required", place),
                f"{name!r} is not one of the properties.{did_you_mean(name, properties)}"
                f" They are: {one_of(properties)}.",
            )
    if schema.get("additionalProperties", False) is not False:
        yield (
            (*_SCHEMA, "additionalProperties"),
            "an answer has the fields that are listed, and no others: each is a column."
            " Remove this key.",
        )


def _check_taxonomy(output: OutputSpec) -> Iterator[Finding]:
    properties = output.json_schema.get("properties", {})
    for field, values in output.taxonomy.items():
        where = ("output", "taxonomy", field)
        described = properties.get(field)
        if described is None:
            yield (
                where,
                f"output.schema has no property {field!r}.{did_you_mean(field, properties)}"
                f" It has: {one_of(properties)}.",
            )
        elif not isinstance(described, Mapping) or described.get("type") != "string":
            yield where, f"the property {field!r} must be of type: string to have a taxonomy."
        elif _differs(described.get("enum"), values):
            yield (
                (*_SCHEMA, "properties", field, "enum"),
                "differs from the values in output.taxonomy. Remove the enum here: the taxonomy"
                " makes it.",
            )
        if not values:
            yield where, "has no values. Write each approved value with its meaning."


def _differs(enum: Sequence[Any] | None, values: Mapping[str, str]) -> bool:
    return enum is not None and list(enum) != list(values)


def _check_confidence(output: OutputSpec) -> Iterator[Finding]:
    confidence = output.confidence
    if confidence is None:
        if output.review_below is not None:
            yield (
                ("output", "review_below"),
                "nothing says how sure an answer is. Add confidence: {from: logprob, field: …}.",
            )
        return
    where = ("output", "confidence", "field")
    properties = output.json_schema.get("properties", {})
    described = properties.get(confidence.field)
    if described is None:
        yield (
            where,
            f"output.schema has no property {confidence.field!r}."
            f"{did_you_mean(confidence.field, properties)} It has: {one_of(properties)}.",
        )
    elif confidence.source == "field" and not _is_number(described):
        yield (
            where,
            f"the property {confidence.field!r} is not a number. Name the one that holds the"
            " confidence, or take confidence from: logprob.",
        )


def _is_number(described: Any) -> bool:
    kind = described.get("type") if isinstance(described, Mapping) else None
    return kind in ("number", "integer") or (
        isinstance(kind, list) and bool({"number", "integer"} & set(kind))
    )
