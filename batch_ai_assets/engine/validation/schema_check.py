"""The schema check: rows to be released, proved again by pandera against the output schema.

Row group by row group, so that memory does not grow with the batch. Answers were judged one by
one before (`answer.py`); this looks at the table that consumers would read, however it was made.
pandera and pandas are imported when a check runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import SpecError
from ..figures import counted
from ..spec.property_type import property_type
from ..tables import parquet_file
from .check_result import CheckResult, found_fault
from .columns import SEQ, is_json_text, result_schema

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ..spec.resolved import ResolvedJob

_NAMED_IDS = 5
_SIMPLE = frozenset(
    {"type", "description", "title", "examples", "default", "enum", "const"}
)
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_SIMPLE_OF = {
    "string": _SIMPLE | {"minLength", "maxLength"},
    "number": _SIMPLE | _BOUNDS,
    "integer": _SIMPLE | _BOUNDS,
    "boolean": _SIMPLE,
}
"""Type -> keywords that become a pandera check of a whole column; a property with any other is
judged cell by cell."""
_REFERRED_TO = frozenset({"$schema", "$id", "$defs", "definitions", "properties"})
"""Parts of an output schema that its properties may refer to."""
_EXACT = 2**53
"""Up to here, whole numbers and floats compare alike."""


@dataclass
class _Tally:
    rows: int = 0
    failing: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    item_ids: list[str] = field(default_factory=list)


def schema(job: ResolvedJob, paths: Sequence[str]) -> CheckResult:
    """Columns, types and values of the rows in these Parquet files."""
    tally = _Tally()
    for path in paths:
        _check_file(job, path, tally)
    faults = "; ".join(f"{fault} ({count:,})" for fault, count in tally.faults.most_common(5))
    if tally.item_ids:
        faults += f"; first items: {', '.join(tally.item_ids)}"
    rows = counted(tally.rows, "row")
    return found_fault(
        "schema",
        faults
        and f"{tally.failing:,} of {rows} {'fails' if tally.failing == 1 else 'fail'}: {faults}",
        f"{rows} {'meets' if tally.rows == 1 else 'meet'} the schema, version "
        f"{job.spec.output.version}",
        "every row meets the job's output schema and taxonomy",
        "Nothing was released. Compare output.schema and output.taxonomy of the job with the "
        "frozen spec in the completion report, then run the batch again.",
        {"rows": float(tally.rows), "failing_rows": float(tally.failing)},
    )


def check_references(job: ResolvedJob) -> None:
    """Raise SpecError where a property refers to what is no definition and no other property."""
    whole = job.output_schema()
    try:
        _conforms(whole, next(iter(whole["properties"])))
    except ValueError as error:
        raise SpecError(
            f"{job.folder}/job.yaml: output.schema: {str(error).splitlines()[0]}; a $ref of a "
            "property may point below #/$defs or #/properties only"
        ) from None


def frame_schema(job: ResolvedJob) -> pandera.DataFrameSchema:
    """The job's output schema as pandera sees it, for frames read by `_frame`."""
    import pandas as pd
    import pandera.pandas as pandera

    dtypes = {
        "number": "float64",
        "integer": pd.Int64Dtype(),
        "boolean": pd.BooleanDtype(),
    }
    whole = job.output_schema()
    columns = {}
    for name, described in whole["properties"].items():
        conforms = _conforms(whole, name)
        columns[name] = pandera.Column(
            dtypes.get(property_type(described), pd.StringDtype()),
            checks=list(_column_checks(described, conforms)),
            nullable=name not in whole["required"] or conforms(None),
        )
    return pandera.DataFrameSchema(columns)


def _check_file(job: ResolvedJob, path: str, tally: _Tally) -> None:
    from upath import UPath

    with UPath(path).open("rb") as opened:
        file = parquet_file(opened)
        wrong = list(_wrong_columns(result_schema(job), file.schema_arrow))
        if wrong:
            tally.rows += file.metadata.num_rows
            tally.failing += file.metadata.num_rows
            tally.faults.update(wrong)
        elif file.metadata.num_rows:  # pandas and pandera are half a second of every first run
            _check_rows(job, file, tally)


def _check_rows(job: ResolvedJob, file: pq.ParquetFile, tally: _Tally) -> None:
    from pandera.errors import SchemaErrors

    validated = frame_schema(job)
    for number in range(file.num_row_groups):
        frame = _frame(file.read_row_group(number))
        tally.rows += len(frame)
        try:
            validated.validate(frame, lazy=True)
        except SchemaErrors as errors:
            _count(errors.failure_cases, frame, tally)


def _wrong_columns(wanted: pa.Schema, there: pa.Schema) -> Iterator[str]:
    for column in wanted:
        if column.name not in there.names:
            yield f"column {column.name} is missing"
        elif there.field(column.name).type != column.type:
            yield f"column {column.name} is {there.field(column.name).type}, not {column.type}"
    for name in there.names:
        if name not in wanted.names and name != SEQ.name:
            yield f"column {name} is not in the schema"


def _frame(rows: pa.Table) -> pd.DataFrame:
    """A frame that keeps whole numbers whole and empty cells empty."""
    import pandas as pd
    import pyarrow as pa

    kept: dict[pa.DataType, Any] = {
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    frame: pd.DataFrame = rows.to_pandas(types_mapper=kept.get)
    return frame


def _column_checks(
    described: Any, conforms: Callable[[Any], bool]
) -> Iterator[pandera.Check]:
    import pandera.pandas as pandera

    if not isinstance(described, dict):
        return
    if not _is_simple(described):
        yield pandera.Check(conforms, element_wise=True, error="breaks its schema")
        return
    if "enum" in described:
        values = [value for value in described["enum"] if value is not None]
        yield pandera.Check.isin(values, error="is not an approved value")
    if "const" in described:
        yield pandera.Check.equal_to(described["const"], error="is not the one approved value")
    bounds: dict[str, Callable[..., pandera.Check]] = {
        "minimum": pandera.Check.ge,
        "maximum": pandera.Check.le,
        "exclusiveMinimum": pandera.Check.gt,
        "exclusiveMaximum": pandera.Check.lt,
    }
    for keyword, check in bounds.items():
        if keyword in described:
            yield check(described[keyword], error=f"breaks its {keyword}")
    lengths = (described.get("minLength"), described.get("maxLength"))
    if lengths != (None, None):
        yield pandera.Check.str_length(*lengths, error="is too short or too long")


def _is_simple(described: dict[str, Any]) -> bool:
    """Whether pandera judges a whole column just as JSON Schema would judge each value."""
    known = _SIMPLE_OF.get(property_type(described))
    if known is None or not known.issuperset(described):
        return False
    return all(abs(described[bound]) <= _EXACT for bound in _BOUNDS.intersection(described))


def _conforms(whole: dict[str, Any], name: str) -> Callable[[Any], bool]:
    """Whether one cell meets its property's schema; JSON text is read first.

    Judged as an answer of this one field, so that a `$ref` finds what it finds in the whole.
    """
    import jsonschema_rs
    import orjson

    part = {key: value for key, value in whole.items() if key in _REFERRED_TO}
    validator = jsonschema_rs.validator_for(part, offline=True)

    def is_valid(value: Any) -> bool:
        return bool(validator.is_valid({name: value}))

    if not is_json_text(whole["properties"][name]):
        return is_valid

    def read_and_judge(text: Any) -> bool:
        if text is None:
            return is_valid(None)
        try:
            return is_valid(orjson.loads(text))
        except ValueError:
            return False

    return read_and_judge


def _count(cases: pd.DataFrame, frame: pd.DataFrame, tally: _Tally) -> None:
    """Take what failed, and where; the failing values themselves are never looked at."""
    words = {"not_nullable": "is empty"}
    for place in zip(cases["column"], cases["check"], strict=True):
        name, check = str(place[0]), str(place[1])
        tally.faults[f"{name} {words.get(check, check)}"] += 1
    failing = {int(index) for index in cases["index"] if index is not None}
    if cases["index"].isna().any():
        failing = set(range(len(frame)))
    tally.failing += len(failing)
    for index in sorted(failing):
        if len(tally.item_ids) >= _NAMED_IDS:
            return
        tally.item_ids.append(str(frame["item_id"].iloc[index]))
