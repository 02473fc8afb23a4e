"""The columns that a chained job reads, against those that its upstream's results will have.

Judged on the job files alone, before anything ran. What is read at run time is in `table_rows.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..spec.input import InputSpec
from ..spec.problems import did_you_mean
from ..spec.resolved import ResolvedJob
from ..spec.yaml_file import Where
from ..validation.columns import FLAGS, LINEAGE, output_columns

RESULT_ID = "item_id"
RESULT_CLASS = "data_classification"

_PLATFORM = frozenset({*(column.name for column in LINEAGE), FLAGS.name})


def for_results(spec: InputSpec, columns: Sequence[str]) -> InputSpec:
    """Where the job names no other columns: the id and the data class that every result has."""
    changes = {}
    if spec.id is None or (spec.id == "id" and "id" not in columns):
        changes["id"] = RESULT_ID
    if spec.classification is None:
        changes["classification"] = RESULT_CLASS
    return spec.model_copy(update=changes)


def fields_first(columns: Iterable[str]) -> list[str]:
    """The fields of the answer before the columns that the platform adds to every result."""
    return sorted(columns, key=_PLATFORM.__contains__)


def misfits(job: ResolvedJob, upstream: ResolvedJob) -> Iterator[tuple[Where, str]]:
    """Where `job` names a column that the results of `upstream` will not have, and what is said."""
    fields = [column.name for column in output_columns(upstream)]
    there = {*fields, *_PLATFORM}
    spec = for_results(job.spec.input, fields)
    named: list[tuple[Where, str | None]] = [
        (("input", "id"), spec.id),
        (("input", "text"), spec.text),
        *((("input", "attributes", n), name) for n, name in enumerate(spec.attributes)),
        (("input", "classification"), spec.classification),
        (("input", "priority"), spec.priority),
        (("input", "updated_at"), spec.updated_at),
    ]
    for where, column in named:
        if column is not None and column not in there:
            yield where, (
                f"the results of {upstream.name} have no column {column!r}."
                f"{did_you_mean(column, there)} There are {', '.join(fields)}, and what every"
                " result says of itself, such as item_id, confidence and created_at. The document"
                " is not among them."
            )
