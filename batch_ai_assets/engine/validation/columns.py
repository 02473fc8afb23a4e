"""What a result row looks like: its columns, their order and types, and what each one means.

Pure descriptions of a job's table. Reading and writing tables is `engine/tables.py`. Loaded with
every registry, so pyarrow is imported only where a schema is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import SpecError
from ..spec.property_type import property_type

if TYPE_CHECKING:
    import pyarrow as pa

    from ..spec.resolved import ResolvedJob


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `type` is a pyarrow type by name (`string`, `int64`, `timestamp[us, tz=UTC]`)."""

    name: str
    type: str
    description: str


LINEAGE: tuple[Column, ...] = (
    Column("job", "string", "The batch AI job that made this row."),
    Column("batch", "string", "The batch (Dagster partition) the document belongs to."),
    Column("item_id", "string", "The document, unique within its batch."),
    Column("output_id", "string", "This row for ever: job/batch/item/version."),
    Column("version", "int64", "Version of the batch; +1 with every publish."),
    Column("run_id", "string", "The run that got the answer."),
    Column("shard_id", "string", "The part of the batch the document was worked in."),
    Column("worker_id", "string", "The worker that got the answer."),
    Column("provider", "string", "The model provider that answered."),
    Column("model", "string", "The model that answered."),
    Column("model_version", "string", "The pinned version of the model."),
    Column("prompt_version", "string", "The version of the prompt that was sent."),
    Column("schema_version", "string", "The version of the output schema the answer meets."),
    Column("input_hash", "string", "sha256 (hex) of the cleaned text that was sent."),
    Column("confidence", "float64", "How sure the model was, 0 to 1; empty where unknown."),
    Column("attempts", "int64", "Calls this document took; 0 where a stored answer served it."),
    Column("tokens_in", "int64", "Tokens sent for this document."),
    Column("tokens_out", "int64", "Tokens answered for this document."),
    Column("cost_usd", "float64", "What this document cost, USD."),
    Column("created_at", "timestamp[us, tz=UTC]", "When the answer was recorded."),
    Column("data_classification", "string", "Data class, inherited from the document."),
)
"""On every row that leaves the platform, in this order."""

MAY_BE_EMPTY = frozenset({"confidence"})
"""Lineage columns that may be NULL; every other one must be filled."""

FLAGS = Column(
    "flags",
    "list<string>",
    "Names of the warn rules this row fails; input_truncated: only its beginning was asked; "
    "input_divided: it was asked in parts, and their answers were merged; accepted, corrected: a "
    "person has looked at the answer, or written it.",
)
SEQ = Column("seq", "int64", "Position of the item in its batch; inside the platform only.")

_ELSEWHERE = ("reason", "sealed_payload")
"""Columns that stand beside an answer's fields in the tables of reviews and dead letters."""

_ARROW_TYPES = {
    "string": "string",
    "number": "float64",
    "integer": "int64",
    "boolean": "bool",
    "array": "string",
    "object": "string",
}


def _json_text(value: Any) -> str:
    """JSON with sorted keys. An answer that is nested too deeply to be written has no text."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # what JSON gave is JSON again, but for its depth
        return _TOO_DEEP


_TOO_DEEP = '"nested too deeply to be shown"'
"""In place of such a value: JSON text, as the column promises."""

_TO_CELL: dict[str, Callable[[Any], Any] | None] = {
    "string": None,
    "number": float,
    "integer": int,
    "boolean": None,
    "array": _json_text,
    "object": _json_text,
}


def output_columns(job: ResolvedJob) -> tuple[Column, ...]:
    """One column per output property, in the order the job's schema lists them.

    Arrays, objects and properties of several types become a string that holds JSON.
    """
    properties: dict[str, Any] = job.spec.output.json_schema.get("properties", {})
    return tuple(
        Column(name, _ARROW_TYPES[property_type(schema)], _description(name, schema, job))
        for name, schema in properties.items()
    )


def result_columns(job: ResolvedJob) -> tuple[Column, ...]:
    """Every column of a result row: lineage, output fields, flags."""
    return (*LINEAGE, *output_columns(job), FLAGS)


def result_schema(job: ResolvedJob) -> pa.Schema:
    """Arrow schema of `results`, with each column's description as field metadata."""
    return arrow_schema(result_columns(job))


def enriched_columns(job: ResolvedJob) -> tuple[Column, ...]:
    """`enriched_outputs`, inside the platform: `seq`, then everything a result row has."""
    return (SEQ, *result_columns(job))


def enriched_schema(job: ResolvedJob) -> pa.Schema:
    """Arrow schema of `enriched_outputs`."""
    return arrow_schema(enriched_columns(job))


def check_columns(job: ResolvedJob) -> None:
    """Raise SpecError where an output property cannot be a column of its own.

    SQL does not tell upper from lower case, so `Model` is taken by `model`.
    """
    taken = {column.name: "a lineage column" for column in LINEAGE}
    taken.update(dict.fromkeys((FLAGS.name, SEQ.name, *_ELSEWHERE), "a column of the platform"))
    for name in job.spec.output.json_schema.get("properties", {}):
        owner = "the platform" if name.startswith("__") else taken.get(name.lower())
        if owner is not None:
            raise SpecError(
                f"{job.folder}/job.yaml: output.schema.properties.{name}: the name is taken by "
                f"{owner}; call the field something else, for example "
                f"answered_{name.lower().lstrip('_')}"
            )
        taken[name.lower()] = f"the output field {name!r}"


def is_json_text(schema: Any) -> bool:
    """True where the column holds JSON text rather than the value itself."""
    return property_type(schema) in ("array", "object")


def row_cells(job: ResolvedJob) -> Callable[[Mapping[str, Any]], list[Any]]:
    """A function from an answer's fields to the cells of `output_columns`, in that order.

    Missing fields become None, whole numbers fit their column, arrays and objects become JSON
    text with sorted keys. Made once per job: it runs for every row.
    """
    properties: dict[str, Any] = job.spec.output.json_schema.get("properties", {})
    shape = [(name, _TO_CELL[property_type(schema)]) for name, schema in properties.items()]

    def cells(fields: Mapping[str, Any]) -> list[Any]:
        return [
            None if (value := fields.get(name)) is None else to_cell(value) if to_cell else value
            for name, to_cell in shape
        ]

    return cells


def _description(name: str, schema: Any, job: ResolvedJob) -> str:
    text = str(schema.get("description", "")).strip() if isinstance(schema, dict) else ""
    taxonomy = job.spec.output.taxonomy.get(name)
    if taxonomy:
        text = f"{text} One of: {', '.join(taxonomy)}.".strip()
    return text or f"Output field {name!r} of the model's answer."


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """These columns as an Arrow schema, with each one's description as field metadata."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int8": pa.int8(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "binary": pa.binary(),
        "list<string>": pa.list_(pa.string()),
        "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema(
        [
            pa.field(column.name, types[column.type], metadata={"description": column.description})
            for column in columns
        ]
    )
