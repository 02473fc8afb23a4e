"""The columns of a job's tables as the catalogue shows them before any run, and whence each comes.

The open-source UI draws no column lineage, so the description of a column ends with its sources,
as links. `dagster/column_lineage` says the same to programs that read it: Dagster+, GraphQL.
What a column is called, holds and means is in `engine/validation/columns.py` and
`engine/validation/table_columns.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.assets.upstream import upstream_key
from batch_ai_assets.engine.spec.job import RuleSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.validation.columns import (
    Column,
    enriched_columns,
    output_columns,
    result_columns,
)
from batch_ai_assets.engine.validation.table_columns import (
    DEAD_LETTERS,
    MANIFEST,
    WORK_PLAN,
    review_columns,
    verdict_columns,
)

if TYPE_CHECKING:
    from batch_ai_assets.assets.catalogue import AssetName

_TEXT = "raw_inputs.sealed"
"""Where the document itself is."""
_RULE_NAMES = re.compile(
    r"""'(?:[^']|'')*' | --[^\n]* | "(?P<quoted>[^"]+)" | (?P<plain>[A-Za-z_]\w*)(?!\w|\s*\()""",
    re.VERBOSE,
)
"""Names in a rule's SQL: neither text nor remarks, nor functions."""

Lineage = dict[str, list[dg.TableColumnDep]]
"""Column → the columns that it is made from."""
Sources = Mapping[str, tuple[str, ...]]
"""The same within a job, as `asset.column`."""


def table_metadata(job: ResolvedJob, name: AssetName) -> dict[str, Any]:
    """What the catalogue says of the asset's columns; nothing of one that is no table."""
    columns = _columns(job, name)
    if not columns:
        return {}
    lineage = _lineage(job, name)
    return {"dagster/column_schema": _schema(columns, job, lineage), **_for_programs(lineage)}


def lineage_metadata(job: ResolvedJob, name: AssetName) -> dict[str, Any]:
    """Whence the asset's columns come, for programs."""
    return _for_programs(_lineage(job, name))


def _for_programs(lineage: Lineage) -> dict[str, Any]:
    return {"dagster/column_lineage": dg.TableColumnLineage(lineage)} if lineage else {}


def _columns(job: ResolvedJob, name: AssetName) -> tuple[Column, ...]:
    match name:
        case "raw_inputs":
            return MANIFEST
        case "work_plan":
            return WORK_PLAN
        case "enriched_outputs":
            return enriched_columns(job)
        case "validation_report":
            return verdict_columns(job)
        case "results":
            return result_columns(job)
        case "dead_letter_queue":
            return DEAD_LETTERS
        case "review_queue":
            return review_columns(job)
        case "completion_report":
            return ()


def _schema(columns: Iterable[Column], job: ResolvedJob, lineage: Lineage) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.type, _described(column, job, lineage))
            for column in columns
        ]
    )


def _described(column: Column, job: ResolvedJob, lineage: Lineage) -> str:
    """What the column means; then its sources, each a link to its asset."""
    links = []
    for source in lineage.get(column.name, ()):
        asset = source.asset_key.to_user_string()
        said = f"{asset.removeprefix(f'{job.name}/')}.{source.column_name}"
        links.append(f"[{said}](/assets/{asset})")
    return f"{column.description} ← {', '.join(links)}" if links else column.description


def _lineage(job: ResolvedJob, name: AssetName) -> Lineage:
    if name == "raw_inputs":
        return dict(_of_upstream(job))
    return {
        column: [_dep(job, source) for source in dict.fromkeys(sources)]
        for column, sources in _sources(job, name).items()
    }


def _dep(job: ResolvedJob, source: str) -> dg.TableColumnDep:
    asset, _, column = source.partition(".")
    return dg.TableColumnDep(dg.AssetKey([job.name, asset]), column)


def _sources(job: ResolvedJob, name: AssetName) -> Sources:
    match name:
        case "work_plan":
            return _of_plan()
        case "enriched_outputs":
            return _of_answers(job)
        case "validation_report":
            return _of_verdicts(job)
        case "results":
            warned = tuple(
                f"validation_report.rule_{rule.name}" for rule in _rules(job, "warn")
            )
            same = _same("enriched_outputs", result_columns(job))
            return {**same, "flags": (*same["flags"], *warned)}
        case "review_queue":
            return {
                **_same("enriched_outputs", result_columns(job)),
                "reason": ("validation_report.reason",),
                "sealed_payload": (_TEXT,),
            }
        case "dead_letter_queue":
            return {
                "item_id": ("raw_inputs.item_id",),
                "reason": ("validation_report.reason",),
                "request_hash": (_TEXT,),
                "sealed_payload": (_TEXT,),
                "sealed_answer": (_TEXT,),
            }
        case _:
            return {}


def _of_plan() -> Sources:
    """Sums over documents: whether each is asked, and how long it is."""
    length = ("raw_inputs.tokens",)
    counted = ("truncated", "divided", "calls", "tokens_in")
    why = tuple(f"raw_inputs.{name}" for name in ("input_hash", "tokens", "problem_reason"))
    return {"items": ("raw_inputs.item_id",), "fate": why, **dict.fromkeys(counted, length)}


def _of_answers(job: ResolvedJob) -> Sources:
    kept = ("seq", "item_id", "input_hash", "data_classification")
    answered = [column.name for column in output_columns(job)]
    if job.spec.output.confidence is not None:
        answered.append("confidence")
    return {
        **{name: (f"raw_inputs.{name}",) for name in kept},
        "output_id": ("raw_inputs.item_id",),
        "shard_id": ("work_plan.shard_id",),
        **dict.fromkeys(answered, (_TEXT,)),
        "flags": ("raw_inputs.tokens",),
    }


def _of_verdicts(job: ResolvedJob) -> Sources:
    """A rule's verdict comes from the columns that its SQL names, an end from the error rules."""
    judged = {f"rule_{rule.name}": _named(rule, job) for rule in job.spec.rules}

    def by(severity: str) -> Iterator[str]:
        for rule in _rules(job, severity):
            yield from judged[f"rule_{rule.name}"]

    sure = () if job.spec.output.review_below is None else ("enriched_outputs.confidence",)
    end = ("raw_inputs.problem_reason", *sure, *by("error"))
    return {
        "item_id": ("raw_inputs.item_id",),
        "end": end,
        "reason": end,
        "flags": ("enriched_outputs.flags", *by("warn")),
        **judged,
    }


def _rules(job: ResolvedJob, severity: str) -> Iterator[RuleSpec]:
    return (rule for rule in job.spec.rules if rule.severity == severity)


def _named(rule: RuleSpec, job: ResolvedJob) -> tuple[str, ...]:
    """The columns of a result row that the rule looks at. SQL does not tell upper from lower."""
    found = {
        (match["quoted"] or match["plain"] or "").lower()
        for match in _RULE_NAMES.finditer(rule.sql)
    }
    names = (column.name for column in result_columns(job))
    return tuple(f"enriched_outputs.{name}" for name in names if name.lower() in found)


def _same(asset: str, columns: Iterable[Column]) -> dict[str, tuple[str, ...]]:
    """Every column is the one of that name in `asset`."""
    return {column.name: (f"{asset}.{column.name}",) for column in columns}


def _of_upstream(job: ResolvedJob) -> Iterator[tuple[str, list[dg.TableColumnDep]]]:
    """`raw_inputs` of a job that reads another job's results, or any other asset."""
    key = upstream_key(job)
    if key is None:
        return
    spec = job.spec.input
    if job.upstream is not None:
        from batch_ai_assets.engine.intake.chain_columns import for_results

        spec = for_results(spec, ())
    made: dict[str, tuple[str | None, ...]] = {
        "item_id": (spec.id,),
        "input_hash": (spec.text,),
        "bytes": (spec.text,),
        "tokens": (spec.text,),
        "sealed": (spec.text,),
        "attributes": spec.attributes,
        "data_classification": (spec.classification,),
        "priority": (spec.priority,),
        "changed_at": (spec.updated_at,),
    }
    if job.upstream is not None:
        made["source"] = ("output_id",)
    for column, sources in made.items():
        known = [dg.TableColumnDep(key, name) for name in dict.fromkeys(sources) if name]
        if known:
            yield column, known
