"""Problems: what is wrong with one registry file, each line saying where and how to mend it.

Turns pydantic's findings into words of the file. Which shapes are right is in `job.py` and
`provider.py`; what a job must satisfy beyond its shape is in `cross_checks.py`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import SpecError
from .model_shape import fields_of, homes_of, model_at
from .yaml_file import Where, YamlFile

_NEEDED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a mapping (key: value)",
    "model": "a mapping (key: value)",
    "tuple": "a list",
    "list": "a list",
    "date": "a date such as 2026-01-31",
}
_BOUNDS = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


class Problems:
    """Collects what is wrong with one file, so that all of it is said at once."""

    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self._lines: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, where: Where, message: str) -> None:
        """`message` says what is wrong, with the value, and what would be right."""
        line = self._file.line(where)
        place = f"{self._file.path}:{line}" if line else str(self._file.path)
        path = written_path(where)
        self._lines.append(f"{place}: {path}: {message}" if path else f"{place}: {message}")

    def add_error(self, error: SpecError) -> None:
        """An error that names its own place."""
        self._lines.extend(str(error).splitlines())

    def add_lines_of(self, other: Problems) -> None:
        """What is wrong with a file that this one names."""
        self._lines.extend(other._lines)

    def add_pydantic(
        self, model: type[BaseModel], error: ValidationError, base: Where = ()
    ) -> None:
        """Every finding of validating the part of the file at `base` against `model`."""
        data = self._file.data
        for step in base:
            data = data[step]
        for found in error.errors(include_url=False):
            where = _where(data, found)
            self.add(
                (*base, *where), _say(model, where, found, self._file.written((*base, *where)))
            )

    def error(self) -> SpecError:
        """All problems as one error, a line for each."""
        return SpecError("\n".join(self._lines))


def written_path(where: Where) -> str:
    """`rules[0].sql`, as a person would say it."""
    path = ""
    for step in where:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` where one of the known names is close, else nothing."""
    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(given.casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""


def one_of(names: Iterable[str]) -> str:
    """`a, b, c`, cut where it would fill the screen."""
    listed = sorted(names)
    return ", ".join(listed[:24]) + (f" and {len(listed) - 24} more" if len(listed) > 24 else "")


def shown(value: Any) -> str:
    """A value for a message: short, and never the inside of a list or mapping."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f'{text[:56]}…"'


def _where(data: Any, found: ErrorDetails) -> Where:
    """The path in the file: pydantic's own without the steps that name a branch of a type."""
    where: list[str | int] = []
    here: Any = data
    for step in found["loc"]:
        if isinstance(here, list) or (isinstance(here, dict) and step in here):
            here = here[step]  # type: ignore[index]
            where.append(step)
    if found["type"] == "missing":
        where.append(found["loc"][-1])
    return where


def _say(model: type[BaseModel], where: Where, found: ErrorDetails, written: str | None) -> str:
    kind, value = found["type"], found["input"]
    context = found.get("ctx", {})
    if kind == "missing":
        return f"is missing. Add it{_meaning(model, where)}"
    if kind == "extra_forbidden":
        return _unknown_key(model, where)
    if kind == "value_error":
        return f"{_sentence(str(context['error']))}"
    if where and where[-1] in ("secret", "consumer_webhook"):
        return f"this is not a reference to a secret{_meaning(model, where)}"
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "")
        guess = did_you_mean(str(value), expected.replace(" or ", ", ").split(", "))
        return f"{shown(value)} is not known here; write {expected}.{guess}"
    if kind in _BOUNDS:
        bound = next(context[key] for key in ("gt", "ge", "lt", "le") if key in context)
        return f"{shown(value)} is out of range; write a number {_BOUNDS[kind]} {bound:g}."
    if kind in ("string_too_short", "too_short"):
        return f"is empty. Fill it in{_meaning(model, where)}"
    if kind == "string_pattern_mismatch":
        return f"{shown(value)} does not have the right form{_meaning(model, where)}"
    return _wrong_type(kind, value, written, _sentence(found["msg"]))


def _wrong_type(kind: str, value: Any, written: str | None, otherwise: str) -> str:
    needed = _NEEDED.get(kind.split("_")[0])
    if needed is None:
        return f"{shown(value)}: {otherwise}"
    if kind == "string_type" and isinstance(value, int | float):
        return f'{written} is not text. Put it in quotes: "{written}".'
    if kind == "int_from_float":
        return f"{shown(value)} has decimals; write a whole number."
    return f"{shown(value)} is of the wrong type; write {needed}."


def _unknown_key(model: type[BaseModel], where: Where) -> str:
    key = str(where[-1])
    inside = model_at(model, where[:-1])
    known = fields_of(inside) if inside else {}
    guess = did_you_mean(key, known)
    homes = homes_of(model, key)
    if not guess and homes:
        guess = f" It belongs under {' or '.join(homes)}."
    return f"this key is not known.{guess} Known here: {one_of(known)}."


def _meaning(model: type[BaseModel], where: Where) -> str:
    """`: what the field is for`, from the docstring of the field that `where` leads to."""
    from .meanings import meanings_of

    inside = model_at(model, where[:-1])
    if inside is None or not where:
        return "."
    key = str(where[-1])
    name = next((n for n, field in inside.model_fields.items() if (field.alias or n) == key), key)
    text = meanings_of(inside).get(name, "")
    return f": {_sentence(' '.join(text.split()))}" if text else "."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
