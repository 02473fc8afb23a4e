"""The shape of a registry model as its file shows it: which keys stand where.

For messages that suggest a key. Nothing here judges data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .yaml_file import Where


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Key in the file -> field."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def model_at(model: type[BaseModel], where: Where) -> type[BaseModel] | None:
    """The model whose keys stand at `where`; None inside free mappings such as a JSON Schema.

    A step into a list or a free mapping leads to the model of its entries.
    """
    inside: type[BaseModel] | None = model
    waiting: type[BaseModel] | None = None
    for step in where:
        if waiting is not None:
            inside, waiting = waiting, None
            continue
        field = fields_of(inside).get(str(step)) if inside else None
        if field is None:
            return None
        found = _model_in(field.annotation)
        if _holds_many(field.annotation):
            inside, waiting = None, found
        else:
            inside = found
    return inside


def homes_of(model: type[BaseModel], key: str) -> list[str]:
    """The paths below which a key of this name stands, outside lists: `model.parameters`."""
    return sorted({path for path, name in _keys(model, ()) if name == key and path})


def _keys(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, field in fields_of(model).items():
        yield ".".join(path), name
        inside = _model_in(field.annotation)
        if inside and not _holds_many(field.annotation):
            yield from _keys(inside, (*path, name))


def _holds_many(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in (tuple, list, dict)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
