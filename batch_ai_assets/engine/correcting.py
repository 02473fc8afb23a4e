"""Correcting: an answer that a person writes, held to what a model's answer is held to: schema,
taxonomy and the rules of severity error, before anything is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from .choosing import choose_named
from .deciding import Decided, log_decided, prove_words, version_to_decide_on
from .deps import Deps
from .enriched import output_id
from .errors import DecisionError
from .figures import End
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.rows import Kind, Plan
from .validation.answer import AnswerCheck
from .validation.columns import enriched_schema, output_columns, row_cells
from .validation.rules import failing_among
from .validation.sandbox import parquet_rows

if TYPE_CHECKING:
    import pyarrow as pa


def correct(
    job: ResolvedJob,
    batch: str,
    item: str,
    answer: dict[str, Any],
    deps: Deps,
    *,
    who: str,
    why: str,
) -> Decided:
    """Put a person's answer in the place of one in review. It must meet the job's schema, taxonomy
    and rules: DecisionError says what it does not meet."""
    plan = version_to_decide_on(job, batch, deps)
    prove_words(Kind.CORRECT, who, why)
    store = deps.store.decisions
    waiting, before = store.waiting(plan, End.REVIEW), store.open(plan)
    choice = choose_named(
        plan, End.REVIEW, waiting, before, [item], partial(deps.store.items.ends_of, plan)
    )
    content = orjson.dumps(answer)
    frozen = frozen_job(plan, job)
    checked = AnswerCheck(frozen).check(content.decode())
    if checked.fields is None:
        raise DecisionError(
            f"The answer for {item!r} does not meet the output of {job.name}: {checked.detail}."
            f"{_meant(frozen, answer)} Nothing was recorded."
        )
    rows = _rows_to_come(frozen, plan, [one.seq for one in choice.all], checked.fields, deps)
    _prove_rules(frozen, item, rows, deps)
    sealed = deps.sealer.seal(content, choice.chosen[0].request_hash)
    store.add(
        plan, Kind.CORRECT, choice.all, who=who.strip(), why=why.strip(), corrected=sealed
    )
    log_decided(plan, Kind.CORRECT, len(choice.all), who)
    return Decided(Kind.CORRECT, choice)


def _meant(job: ResolvedJob, answer: Mapping[str, Any]) -> str:
    """` Did you mean topic=card?`, for values that are nearly those that are approved."""
    near = []
    for name, described in job.output_schema().get("properties", {}).items():
        approved = [one for one in described.get("enum", ()) if isinstance(one, str)]
        value = answer.get(name)
        if isinstance(value, str) and value not in approved:
            near += [f"{name}={one}" for one in get_close_matches(value, approved, 1)]
    return f" Did you mean {', '.join(near)}?" if near else ""


def _rows_to_come(
    job: ResolvedJob, plan: Plan, seqs: list[int], fields: Mapping[str, Any], deps: Deps
) -> pa.Table:
    """What the next version's rows of these items will be, as far as it is known now."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    assert plan.enriched_path is not None, "what is in review was answered"
    files = deps.tables.open(plan.enriched_path).files
    rows = parquet_rows(files).to_table(filter=ds.field("seq").isin(seqs)).to_pylist()
    names = [column.name for column in output_columns(job)]
    new = {
        "version": plan.version + 1, "confidence": None, "attempts": 0,
        "tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0,
        **dict(zip(names, row_cells(job)(fields), strict=True)),
    }  # fmt: skip
    coming = replace(plan, version=plan.version + 1)
    return pa.Table.from_pylist(
        [{**row, **new, "output_id": output_id(coming, row["item_id"])} for row in rows],
        schema=enriched_schema(job),
    )


def _prove_rules(job: ResolvedJob, item: str, rows: pa.Table, deps: Deps) -> None:
    """DecisionError where the document would be dead in the next version."""
    failing = failing_among(job, rows, deps.connect)
    broken = [
        f"{rule.name} ({rule.sql})"
        for rule in job.spec.rules
        if rule.severity == "error" and failing[rule.name]
    ]
    if broken:
        raise DecisionError(
            f"The answer for {item!r} breaks a rule of {job.name}: {'; '.join(broken)}. With it, "
            "the document would be dead in the next version. Nothing was recorded."
        )
