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

from .check_result import CheckResult, found_fault
from .columns import SEQ, is_json_text, property_type, result_schema

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera
    import pyarrow as pa

    from ..spec.resolved import ResolvedJob

_NAMED_IDS = 5
_SIMPLE = frozenset(
    {
        "type", "description", "title", "examples", "default", "enum", "const", "minimum",
        "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    }
)  # fmt: skip
"""Keywords that become a pandera check of a whole column; the rest is judged cell by cell."""


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
    return found_fault(
        "schema",
        faults and f"{tally.failing:,} of {tally.rows:,} rows fail: {faults}",
        f"{tally.rows:,} rows meet the schema, version {job.spec.output.version}",
        "every row meets the job's output schema and taxonomy",
        "Nothing was released. Compare output.schema and output.taxonomy of the job with the "
        "frozen spec in the completion report, then run the batch again.",
        {"rows": float(tally.rows), "failing_rows": float(tally.failing)},
    )


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
        conforms = _conforms(whole, described)
        columns[name] = pandera.Column(
            dtypes.get(property_type(described), pd.StringDtype()),
            checks=list(_column_checks(described, conforms)),
            nullable=name not in whole["required"] or conforms(None),
        )
    return pandera.DataFrameSchema(columns)


def _check_file(job: ResolvedJob, path: str, tally: _Tally) -> None:
    import pyarrow.parquet as pq
    from pandera.errors import SchemaErrors
    from upath import UPath

    validated = frame_schema(job)
    with UPath(path).open("rb") as opened:
        file = pq.ParquetFile(opened)
        wrong = list(_wrong_columns(result_schema(job), file.schema_arrow))
        if wrong:
            tally.rows += file.metadata.num_rows
            tally.failing += file.metadata.num_rows
            tally.faults.update(wrong)
            return
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
    if is_json_text(described) or not _SIMPLE.issuperset(described):
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


def _conforms(whole: dict[str, Any], described: Any) -> Callable[[Any], bool]:
    """Whether one cell meets its property's schema; JSON text is read first."""
    import jsonschema_rs
    import orjson

    definitions = {key: whole[key] for key in ("$defs", "definitions") if key in whole}
    part = {**definitions, **described} if isinstance(described, dict) else described
    is_valid = jsonschema_rs.validator_for(part, offline=True).is_valid
    if not is_json_text(described):
        return lambda value: bool(is_valid(value))

    def read_and_judge(text: Any) -> bool:
        if text is None:
            return bool(is_valid(None))
        try:
            return bool(is_valid(orjson.loads(text)))
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
