"""AnswerCheck: is the text a model sent back an answer this job can use?

On the hot path, once per answer: parsed by orjson, judged by a validator compiled once. Only a
bad answer pays for an explanation. Strict on purpose: JSON inside a markdown fence, a repeated
key, NaN or text after the object is malformed, because a lenient reader would guess.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import jsonschema_rs
import msgspec
import orjson

from ..errors import SpecError
from ..spec.property_type import property_type

if TYPE_CHECKING:
    from ..spec.resolved import ResolvedJob

AnswerReason = Literal["empty_answer", "malformed", "schema", "taxonomy"]

_INT64 = 2**63 - 1024
"""Largest whole number that fits an int64 column, also where JSON wrote it as a float."""
_DEEPEST = 100
"""Levels of lists and objects in an answer; far fewer than any JSON writer takes."""
_SHOWN = 3
"""Violations named in a detail."""
_WIDEST = 300
"""Characters of an expectation named in a detail."""


class Checked(msgspec.Struct, frozen=True):
    """A usable answer's fields, or why it is not usable.

    `detail` says where and what was expected, never what the model wrote: that may quote the
    document. It is fit for logs and for asking the model again.
    """

    fields: dict[str, Any] | None
    reason: AnswerReason | None = None
    detail: str = ""


class AnswerCheck:
    """Checks answers of one job; make one per run. Safe to share between workers."""

    def __init__(self, job: ResolvedJob) -> None:
        schema = job.output_schema()
        self._taxonomy = frozenset(job.spec.output.taxonomy)
        self._known_names = frozenset(_names(schema))
        _fit_columns(schema)
        self._schema = schema
        try:
            self._validator = jsonschema_rs.validator_for(schema, offline=True)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise SpecError(
                f"{job.folder}/job.yaml: output.schema is not a usable JSON Schema: "
                f"{str(error).splitlines()[0]}"
            ) from None
        self._is_valid = self._validator.is_valid

    def check(self, content: str | None) -> Checked:
        """Judge one answer as the model sent it."""
        try:
            fields = orjson.loads(content)  # type: ignore[arg-type]
        except orjson.JSONDecodeError as error:
            return _unreadable(content, error)
        if type(fields) is not dict:
            return Checked(None, "schema", "the answer must be a JSON object")
        # One colon per key is the rule; more may be text or nesting, so only then look closely.
        if content.count(":") != len(fields) and repeats_a_key(content):  # type: ignore[union-attr,arg-type]
            return Checked(None, "malformed", "the answer repeats a key")
        if len(content) > _DEEPEST and _is_too_deep(content, fields):  # type: ignore[arg-type]
            return Checked(None, "malformed", f"the answer is nested deeper than {_DEEPEST} levels")
        if self._is_valid(fields):
            return Checked(fields)
        return self._explain(fields)

    def _explain(self, fields: dict[str, Any]) -> Checked:
        errors = list(self._validator.iter_errors(fields))
        off_taxonomy = all(
            isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Enum)
            and len(error.instance_path) == 1
            and error.instance_path[0] in self._taxonomy
            for error in errors
        )
        details = dict.fromkeys(self._expectation(error) for error in errors[:_SHOWN])
        if len(errors) > _SHOWN:
            details[f"and {len(errors) - _SHOWN} more"] = None
        return Checked(None, "taxonomy" if off_taxonomy else "schema", "; ".join(details))

    def _expectation(self, error: jsonschema_rs.ValidationError) -> str:
        """Where, and what the job's own schema asks for there."""
        place = ".".join(
            str(part) if isinstance(part, int) or part in self._known_names else "*"
            for part in error.instance_path
        )
        keyword = str(error.schema_path[-1]) if error.schema_path else "schema"
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
            missing = error.kind.property
            return f"{place or 'answer'}: {missing!r} is missing"
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
            return f"{place or 'answer'}: further properties are not allowed"
        wanted = _look_up(self._schema, error.schema_path)
        expected = "" if wanted is None else " " + _shortened(wanted)
        words = {"enum": "must be one of", "type": "must be of type"}
        return f"{place or 'answer'}: {words.get(keyword, f'must meet {keyword}')}{expected}"


def _unreadable(content: str | None, error: orjson.JSONDecodeError) -> Checked:
    if content is None or not content.strip():
        return Checked(None, "empty_answer", "the model sent no text")
    if content.lstrip().startswith("```"):
        return Checked(None, "malformed", "JSON must not be wrapped in a markdown fence")
    return Checked(None, "malformed", f"not JSON from character {error.pos} on")


def repeats_a_key(content: str) -> bool:
    """Whether JSON names the same key twice in one object; True also for what is no JSON."""
    try:
        json.loads(content, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return True
    return False


def _is_too_deep(content: str, fields: dict[str, Any]) -> bool:
    """Brackets first: a level opens one, so hardly any answer is looked at closely."""
    if content.count("[") + content.count("{") <= _DEEPEST:
        return False
    level: list[Any] = [fields]
    for _ in range(_DEEPEST + 1):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return False
    return True


def _parts(value: Any) -> Iterable[Any]:
    """What lies one level deeper."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError


def _names(schema: Any) -> Iterable[str]:
    """Every property name a schema mentions: these, and no others, are safe to show."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for part in schema.values():
            yield from _names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _names(part)


def _fit_columns(schema: dict[str, Any]) -> None:
    """Bound whole numbers to what an int64 column takes: JSON knows no such limit."""
    for described in schema.get("properties", {}).values():
        if property_type(described) == "integer":
            bound = {"minimum": -_INT64, "maximum": _INT64}
            described["allOf"] = [*described.get("allOf", []), bound]


def _look_up(schema: Any, path: list[str | int]) -> Any:
    for part in path:
        try:
            schema = schema[part]
        except (KeyError, IndexError, TypeError):
            return None
    return schema


def _shortened(wanted: Any) -> str:
    if isinstance(wanted, list):
        text = ", ".join(one if isinstance(one, str) else json.dumps(one) for one in wanted)
    else:
        text = wanted if isinstance(wanted, str) else json.dumps(wanted, ensure_ascii=False)
    return text if len(text) <= _WIDEST else text[:_WIDEST] + "…"
