"""What a JSON schema asks of the classifier, or why it cannot be filled.

It fills string fields with an `enum`, and numbers from 0 to 1 that are named as a confidence. One
document is answered by such an object, several by `{"answers": [object with an id, ...]}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model import RequestRefused

_CONFIDENCE = re.compile(r"(^|_)(confidence|probability|certainty)(_|$)")


@dataclass(frozen=True, slots=True)
class Option:
    """One value of an `enum` and what the schema says it means (nothing: its name says it)."""

    value: str
    meaning: str

    @property
    def text(self) -> str:
        name = re.sub(r"[_\-/.]+", " ", self.value).strip()
        return f"{name}: {self.meaning}" if self.meaning else name


@dataclass(frozen=True, slots=True)
class Choice:
    """A field to fill with one of its options."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Confidence:
    """A number field to fill with the probability of a choice; of the least sure one if None."""

    name: str
    of: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one answer, in the order of the schema."""

    fields: tuple[Choice | Confidence, ...]
    several: bool
    """Whether the answer is a list with one object per document, each with its `id`."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(field for field in self.fields if isinstance(field, Choice))


def read_form(schema: Mapping[str, Any]) -> Form:
    """The form that a schema stands for. Raises RequestRefused where it cannot be filled."""
    properties = _properties(schema, "the schema")
    listed = properties.get("answers")
    if len(properties) == 1 and isinstance(listed, Mapping) and listed.get("type") == "array":
        item = listed.get("items")
        if not isinstance(item, Mapping):
            raise _refused("answers", "has no `items`; describe one answer there")
        inner = {k: v for k, v in _properties(item, "answers.items").items() if k != "id"}
        return Form(_fields(inner, item), several=True)
    return Form(_fields(properties, schema), several=False)


def _properties(schema: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, Mapping) or not properties:
        raise RequestRefused(
            400,
            "unsupported_schema",
            f"minilm-classifier fills objects, and {where} is none; write type: object with at "
            "least one property that has an enum.",
        )
    return properties


def _fields(
    properties: Mapping[str, Any], schema: Mapping[str, Any]
) -> tuple[Choice | Confidence, ...]:
    """All fields that can be filled. One that cannot may only be left out if it is optional."""
    required = schema.get("required", ())
    names = [name for name, asked in properties.items() if _options(asked)]
    fields: list[Choice | Confidence] = []
    for name, asked in properties.items():
        if options := _options(asked):
            fields.append(Choice(name, options))
        elif _is_confidence(name, asked):
            rest = _CONFIDENCE.sub(" ", name).strip().replace(" ", "_")
            fields.append(Confidence(name, rest if rest in names else None))
        elif name in required:
            raise _refused(
                name,
                "is neither a string with an enum nor a number from 0 to 1 named as a confidence, "
                "and it picks options only; give the field an enum, or use a model that writes",
            )
    if not names:
        raise _refused(next(iter(properties)), "is asked for, but no field has an enum")
    return tuple(fields)


def _options(asked: object) -> tuple[Option, ...]:
    """The options of a string field with an `enum`; none for any other field."""
    if not isinstance(asked, Mapping) or not isinstance(asked.get("enum"), list):
        return ()
    values = [value for value in asked["enum"] if value is not None]
    if not all(isinstance(value, str) for value in values):
        return ()
    meanings = _meanings(str(asked.get("description", "")), values)
    return tuple(Option(value, meanings.get(value, "")) for value in dict.fromkeys(values))


def _meanings(description: str, values: list[str]) -> dict[str, str]:
    """`- value: meaning` lines of a description; a meaning goes on until the next such line."""
    starts = {f"- {value}:": value for value in values}
    meanings: dict[str, str] = {}
    current = None
    for line in description.splitlines():
        start = next((start for start in starts if line.lstrip().startswith(start)), None)
        if start is not None:
            current = starts[start]
            meanings[current] = line.lstrip().removeprefix(start).strip()
        elif current is not None:
            meanings[current] = f"{meanings[current]} {line.strip()}".strip()
    return meanings


def _is_confidence(name: str, asked: object) -> bool:
    if not isinstance(asked, Mapping) or asked.get("type") != "number":
        return False
    return (
        asked.get("minimum", 0) == 0
        and asked.get("maximum", 1) == 1
        and bool(_CONFIDENCE.search(name))
    )


def _refused(field: str, problem: str) -> RequestRefused:
    return RequestRefused(
        400,
        "unsupported_schema",
        f"minilm-classifier cannot fill this schema: {field!r} {problem}.",
    )
