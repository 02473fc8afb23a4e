"""An answer that a person writes on the command line: a whole one, or what changes in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from batch_ai_assets.engine.spec.resolved import ResolvedJob


def object_of(text: str) -> dict[str, Any]:
    """The answer of `--answer`."""
    import orjson

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"--answer is no JSON ({error}).") from None
    if not isinstance(value, dict):
        raise click.UsageError("--answer must be a JSON object, such as '{\"topic\": \"card\"}'.")
    return value


def changes_of(changes: Sequence[str], job: ResolvedJob) -> dict[str, Any]:
    """The fields of `--set`. What is no JSON is text, and so is all but a JSON string or null where
    the job's field is text: `--set code=123` is the text 123 there."""
    properties = job.spec.output.json_schema.get("properties", {})
    found: dict[str, Any] = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            raise click.UsageError(f"--set {change!r}: write FIELD=VALUE.")
        found[name] = _value(text, properties.get(name))
    return found


def _value(text: str, schema: object) -> Any:
    import orjson

    from batch_ai_assets.engine.spec.property_type import property_type

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    is_text = property_type(schema) == "string"
    return text if is_text and not isinstance(value, str | None) else value
