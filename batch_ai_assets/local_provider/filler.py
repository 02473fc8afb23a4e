"""A valid value for any JSON Schema of a practical kind, drawn from a digest.

Known: `enum`, `const`, `type` (also a list of types), `minimum`/`maximum` and their exclusive
forms, `multipleOf`, `minLength`/`maxLength`, common `format`s, `properties`/`required`, `items`
with `minItems`/`maxItems`/`uniqueItems`, `anyOf`/`oneOf` (the first), `allOf` of one, and `$ref`
into the schema. Anything else that could make a value invalid is refused rather than guessed.

Here: schema to value. Not here: what goes wrong on purpose (see `stub`). A schema is compiled to
nested functions once, so that an answer costs about a microsecond a field.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

from .model import RequestRefused

Fill = Callable[["Draw"], Any]

_MAX_DEPTH = 8
_REFUSED_KEYWORDS = (
    "pattern", "not", "if", "prefixItems", "contains", "patternProperties", "minProperties",
    "dependentRequired", "dependentSchemas", "propertyNames", "$dynamicRef",
)  # fmt: skip
_FORMATS: dict[str, Callable[[int], str]] = {
    "date": lambda n: f"20{n % 30:02d}-{n % 12 + 1:02d}-{n % 28 + 1:02d}",
    "date-time": lambda n: f"20{n % 30:02d}-{n % 12 + 1:02d}-{n % 28 + 1:02d}T{n % 24:02d}:00:00Z",
    "time": lambda n: f"{n % 24:02d}:{n % 60:02d}:00Z",
    "email": lambda n: f"stub-{n:x}@example.com",
    "uri": lambda n: f"https://example.com/{n:x}",
    "hostname": lambda n: f"stub-{n:x}.example.com",
    "ipv4": lambda n: f"192.0.2.{n % 256}",
    "uuid": lambda n: f"{n % 2**32:08x}-0000-4000-8000-{n % 2**48:012x}",
}


class Draw:
    """Numbers drawn from a digest: the same digest, the same numbers."""

    __slots__ = ("_digest", "_state")

    def __init__(self, digest: bytes) -> None:
        self._digest = digest
        self._state = int.from_bytes(digest, "big")

    def below(self, limit: int) -> int:
        """An integer from 0 to limit − 1, near enough to uniform."""
        if self._state < limit << 32:
            self._digest = hashlib.sha256(self._digest).digest()
            self._state = int.from_bytes(self._digest, "big")
        self._state, drawn = divmod(self._state, limit)
        return drawn


def compile_schema(schema: dict[str, Any]) -> Fill:
    """A function that draws a value valid under `schema`. Raises RequestRefused (400)."""
    try:
        return _Compiler(schema).compile(schema, 0)
    except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise _refused("it is not a valid JSON Schema") from error


def resolve(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """`schema` with its `$ref` followed and its first alternative taken."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(schema, dict):
            break
        if "$ref" in schema:
            schema = _pointed_at(schema["$ref"], root)
        elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
            schema = alternatives[0]
        elif isinstance(parts := schema.get("allOf"), list) and len(parts) == 1:
            schema = parts[0]
        else:
            return schema
    if schema is True:
        return {}
    raise _refused("a $ref that leads nowhere, or a schema that admits no value")


def _pointed_at(pointer: Any, root: dict[str, Any]) -> Any:
    target: Any = root
    if not isinstance(pointer, str) or not pointer.startswith("#"):
        raise _refused("a $ref out of the schema")
    for key in pointer[1:].split("/")[1:]:
        target = target.get(key.replace("~1", "/").replace("~0", "~")) if target else None
    return target


def _refused(what: str) -> RequestRefused:
    return RequestRefused(
        400, "invalid_json_schema", f"the stub cannot fill this json_schema: {what}"
    )


class _Compiler:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def compile(self, schema: Any, depth: int) -> Fill:
        if depth > _MAX_DEPTH:
            raise _refused("it nests too deeply")
        schema = resolve(schema, self._root)
        if isinstance(options := schema.get("enum"), list) and options:
            return lambda draw: options[draw.below(len(options))]
        if "const" in schema:
            constant = schema["const"]
            return lambda draw: constant
        for keyword in _REFUSED_KEYWORDS:
            if keyword in schema:
                raise _refused(f"it uses {keyword!r}")
        return self._of_type(schema, depth)

    def _of_type(self, schema: dict[str, Any], depth: int) -> Fill:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        match kind[0] if isinstance(kind, list) and kind else kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return _string(schema)
            case "integer":
                return _integer(schema)
            case "number":
                return _number(schema)
            case "boolean":
                return lambda draw: draw.below(2) == 1
            case "null":
                return lambda draw: None
        raise _refused(f"type {kind!r} is unknown")

    def _object(self, schema: dict[str, Any], depth: int) -> Fill:
        required = set(schema.get("required", ()))
        properties = schema.get("properties", {}) | {}
        for name in sorted(required - properties.keys()):
            properties[name] = schema.get("additionalProperties", True)
        fields: list[tuple[str, Fill]] = []
        for name, subschema in properties.items():
            try:
                fields.append((name, self.compile(subschema, depth + 1)))
            except RequestRefused:
                if name in required:  # an optional field that cannot be filled is left out
                    raise
        return lambda draw: {name: fill(draw) for name, fill in fields}

    def _array(self, schema: dict[str, Any], depth: int) -> Fill:
        low = int(schema.get("minItems", 0))
        high = min(int(schema.get("maxItems", low + 3)), low + 3)
        if high < low:
            raise _refused(f"minItems {low} is above maxItems {high}")
        if high == 0:
            return lambda draw: []
        low = max(low, min(1, high))
        item = self.compile(schema.get("items", {}), depth + 1)
        if schema.get("uniqueItems"):
            return _unique(item, int(schema.get("minItems", 0)), low, high)
        return lambda draw: [item(draw) for _ in range(low + draw.below(high - low + 1))]


def _unique(item: Fill, least: int, low: int, high: int) -> Fill:
    def fill(draw: Draw) -> list[Any]:
        wanted = low + draw.below(high - low + 1)
        values: list[Any] = []
        for _ in range(40 + 10 * wanted):
            if len(values) == wanted:
                break
            if (value := item(draw)) not in values:
                values.append(value)
        if len(values) < least:
            raise _refused("uniqueItems asks for more distinct items than there are")
        return values

    return fill


def _string(schema: dict[str, Any]) -> Fill:
    low = int(schema.get("minLength", 0))
    high = int(schema.get("maxLength", max(low, 64)))
    if high < low:
        raise _refused(f"minLength {low} is above maxLength {high}")
    if form := _FORMATS.get(schema.get("format", "")):
        return lambda draw: form(draw.below(2**32))
    return lambda draw: f"stub-{draw.below(2**32):08x}".ljust(low, "x")[:high]


def _integer(schema: dict[str, Any]) -> Fill:
    step = schema.get("multipleOf", 1)
    step = int(step) if float(step).is_integer() else 1
    low, high = _range(schema, 100)
    first = math.ceil(low / step) + (math.ceil(low / step) * step == schema.get("exclusiveMinimum"))
    last = math.floor(high / step)
    last -= last * step == schema.get("exclusiveMaximum")
    if last < first:
        raise _refused("no integer lies in the range it gives")
    return lambda draw: (first + draw.below(last - first + 1)) * step


def _number(schema: dict[str, Any]) -> Fill:
    low, high = _range(schema, 1)
    if high < low:
        raise _refused(f"minimum {low} is above maximum {high}")
    if step := schema.get("multipleOf"):
        first, last = math.ceil(low / step), math.floor(high / step)
        return lambda draw: round((first + draw.below(max(1, last - first + 1))) * step, 10)
    # Thousandths of the range, its ends left out, so that exclusive bounds hold as well.
    if high == low:
        return lambda draw: low

    def fill(draw: Draw) -> float:
        value = low + (high - low) * ((1 + draw.below(998)) / 999)
        rounded = round(value, 4)
        return rounded if low < rounded < high else value

    return fill


def _range(schema: dict[str, Any], width: float) -> tuple[float, float]:
    lows = [schema[k] for k in ("minimum", "exclusiveMinimum") if k in schema]
    highs = [schema[k] for k in ("maximum", "exclusiveMaximum") if k in schema]
    if not lows:
        return (min(0, max(highs) - width), max(highs)) if highs else (0, width)
    return max(lows), min(highs) if highs else max(lows) + width
