"""A job's business rules: SQL conditions over a result row, judged once per batch in DuckDB.

`check_rules` refuses a bad rule when the job is loaded; `failing_items` finds the rows that fail
one. What a failed rule means for its item is in `verdict.py`.

A rule sees one row: lineage and output columns. It holds where it is true; false and NULL fail,
and so does a value it cannot be computed for. Subqueries are refused, as are functions that make
long values out of nothing: DuckDB can neither interrupt nor bound those.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from ..errors import SpecError
from ..spec.job import RuleSpec
from .columns import LINEAGE, SEQ, Column, output_columns
from .sandbox import Connect, OutOfTime, Sandbox, parquet_rows, quoted, sandbox

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

    from ..spec.resolved import ResolvedJob

RULE_SECONDS = 60.0
"""Time one rule may take over a whole batch."""
CHECK_SECONDS = 5.0
"""Time one rule may take while its job is loaded, on no rows."""

_SQL_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
}
_UNBOUNDED = frozenset(
    {
        "array_resize", "bar", "format", "generate_series", "list_resize",
        "lpad", "printf", "range", "repeat", "rpad",
    }
)
_TABLE = "result"


def check_rules(job: ResolvedJob, connect: Connect = duckdb.connect) -> None:
    """Raise SpecError for the first rule that is not one condition over a result row."""
    if not job.spec.rules:
        return
    names = [rule.name for rule in job.spec.rules]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"{job.folder}/job.yaml: rules: two rules are called {name!r}")
    columns = ", ".join(f"{quoted(c.name)} {_SQL_TYPES[c.type]}" for c in _visible(job))
    with sandbox(connect, ddl=[f"CREATE TABLE {_TABLE} ({columns})"]) as box:
        for rule in job.spec.rules:
            _check_rule(job, rule, box)


def failing_items(
    job: ResolvedJob,
    parquet_paths: Sequence[str],
    connect: Connect,
    timeout_seconds: float = RULE_SECONDS,
) -> dict[str, list[int]]:
    """`seq` of the rows that fail each rule of the job, in seq order.

    `parquet_paths` are files of enriched rows. Raises SpecError where a rule cannot be judged
    within its time; the message holds no value of any row.
    """
    if not parquet_paths or not job.spec.rules:
        return {rule.name: [] for rule in job.spec.rules}
    return failing_among(job, parquet_rows(parquet_paths), connect, timeout_seconds)


def failing_among(
    job: ResolvedJob,
    rows: pa.Table | ds.Dataset,
    connect: Connect,
    timeout_seconds: float = RULE_SECONDS,
) -> dict[str, list[int]]:
    """The same of enriched rows that are in no file of their own."""
    failing: dict[str, list[int]] = {}
    if not job.spec.rules:
        return failing
    with sandbox(connect, sources={_TABLE: rows}) as box:
        for rule in job.spec.rules:
            sql = f"SELECT {SEQ.name} {_failing_rows(job, rule, SEQ)} ORDER BY {SEQ.name}"
            failing[rule.name] = [seq for (seq,) in _judge(job, rule, box, sql, timeout_seconds)]
    return failing


def failing_counts(
    job: ResolvedJob,
    rules: Sequence[RuleSpec],
    parquet_paths: Sequence[str],
    connect: Connect,
    timeout_seconds: float = RULE_SECONDS,
) -> dict[str, tuple[int, str | None]]:
    """For each rule, how many rows fail it and the first of their item ids."""
    counts: dict[str, tuple[int, str | None]] = {rule.name: (0, None) for rule in rules}
    if not parquet_paths or not rules:
        return counts
    with sandbox(connect, sources={_TABLE: parquet_rows(parquet_paths)}) as box:
        for rule in rules:
            sql = f"SELECT count(*), min(item_id) {_failing_rows(job, rule)}"
            counts[rule.name] = _judge(job, rule, box, sql, timeout_seconds)[0]
    return counts


def _failing_rows(job: ResolvedJob, rule: RuleSpec, *further: Column) -> str:
    """The rows that fail. TRY gives NULL where the condition cannot be computed for a row."""
    names = ", ".join(quoted(column.name) for column in (*further, *_visible(job)))
    rows = f"(SELECT {names} FROM {_TABLE}) AS result"
    return f"FROM {rows} WHERE NOT coalesce(TRY(({rule.sql}\n)), false)"


def _visible(job: ResolvedJob) -> tuple[Column, ...]:
    return (*LINEAGE, *output_columns(job))


def _judge(
    job: ResolvedJob, rule: RuleSpec, box: Sandbox, sql: str, seconds: float
) -> list[Any]:
    try:
        return box.query(sql, seconds)
    except OutOfTime:
        raise SpecError(
            f"{_where(job, rule)} did not finish within {seconds:g} s over the rows of this "
            "batch and was stopped; make the condition simpler"
        ) from None
    except duckdb.Error as error:
        # DuckDB quotes the offending value in its message: only the kind of error may leave.
        raise SpecError(
            f"{_where(job, rule)} cannot be judged on the rows of this batch "
            f"({type(error).__name__}); try it with `batch-ai sql` and mend the condition"
        ) from None


def _check_rule(job: ResolvedJob, rule: RuleSpec, box: Sandbox) -> None:
    where = _where(job, rule)
    condition = f"SELECT ({rule.sql}\n) AS holds FROM {_TABLE}"
    try:
        statements = box.statements(condition)
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise SpecError(f"{where} is more than one condition; write one SQL expression")
        _check_shape(where, condition, box)
        found = box.query(f"DESCRIBE {condition}", CHECK_SECONDS)[0][1]
        if found != "BOOLEAN":
            raise SpecError(
                f"{where} gives {found.strip(chr(34))}, not true or false; write a comparison, "
                "for example confidence >= 0.5"
            )
        box.query(f"SELECT count(*) {_failing_rows(job, rule)}", CHECK_SECONDS)
    except OutOfTime:
        raise SpecError(f"{where} takes too long even on no rows; make it simpler") from None
    except duckdb.Error as error:
        fields = ", ".join(column.name for column in output_columns(job))
        raise SpecError(
            f"{where} is not valid SQL: {_first_line(error)}. Write one condition over the "
            f"output fields ({fields}) and the lineage columns"
        ) from None


def _check_shape(where: str, condition: str, box: Sandbox) -> None:
    """Look at the parsed statement: one expression over the row, and nothing else."""
    answer = box.query("SELECT json_serialize_sql($1::VARCHAR)", CHECK_SECONDS, [condition])
    parsed = json.loads(answer[0][0])
    if parsed.get("error"):
        raise SpecError(f"{where} is not valid SQL: {parsed.get('error_message', 'no SELECT')}")
    node = parsed["statements"][0]["node"]
    source = node.get("from_table") or {}
    plain = (
        node["type"] == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and source.get("table_name") == _TABLE
        and not any(node[key] for key in ("where_clause", "group_expressions", "having",
                                          "qualify", "sample", "modifiers"))
        and not node["cte_map"]["map"]
    )
    if not plain:
        raise SpecError(f"{where} is more than one condition; write one SQL expression")
    for part in _expressions(node["select_list"]):
        kind = part.get("class")
        if kind in ("SUBQUERY", "STAR", "PARAMETER", "WINDOW"):
            raise SpecError(
                f"{where} uses a {kind.lower()}; a rule looks at the columns of one row"
            )
        if kind == "FUNCTION" and part.get("function_name", "").lower() in _UNBOUNDED:
            raise SpecError(
                f"{where} calls {part['function_name']}(), which can make values of any length; "
                "write the condition without it"
            )


def _expressions(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "class" in value:
            yield value
        for part in value.values():
            yield from _expressions(part)
    elif isinstance(value, list):
        for part in value:
            yield from _expressions(part)


def _where(job: ResolvedJob, rule: RuleSpec) -> str:
    return f"{job.folder}/job.yaml: rules: {rule.name!r}"


def _first_line(error: duckdb.Error) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".!") if lines else type(error).__name__
