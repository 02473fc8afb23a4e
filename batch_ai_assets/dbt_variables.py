"""dbt variables: what the dbt project is told of one batch, by `var()`.

Where the batch's tables are, on this machine, and what its job promises. Knows nothing of dbt.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_ai_assets.engine.errors import OrderError
from batch_ai_assets.engine.tables import BatchTable, at

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps
    from batch_ai_assets.engine.spec.resolved import ResolvedJob

_MAY_BE_EMPTY = frozenset({"confidence"})


def variables_of(job: ResolvedJob, batch: str, deps: Deps, place: Path) -> dict[str, Any]:
    """What the project asks for with `var()`; nothing for a batch without documents."""
    from batch_ai_assets.engine.planning.versions import frozen_job
    from batch_ai_assets.engine.validation.columns import LINEAGE, output_columns

    plan = deps.store.batches.latest_plan(job.name, batch)
    if plan is None or plan.report_path is None or plan.enriched_path is None:
        raise OrderError(
            f"Batch {job.name}/{batch} has no verdicts yet: run the whole job, then test it."
        )
    if not plan.items:
        return {}
    frozen = frozen_job(plan, job)
    output = frozen.spec.output
    properties: Mapping[str, Any] = output.json_schema.get("properties", {})
    paths = {
        "raw_inputs": plan.raw_path,
        "enriched_outputs": plan.enriched_path,
        "validation_report": plan.report_path,
        "results": str(plan.results_path),
    }
    tables = {name: deps.tables.open(path) for name, path in paths.items()}
    for name in ("dead_letter_queue", "review_queue"):
        table = deps.tables.latest(job.name, name, batch)
        if table is None:
            raise OrderError(
                f"{job.name}/{name} of {batch} is not written yet: run the whole job, then test it."
            )
        tables[name] = table
    return {
        **{name: _local(table, place / name) for name, table in tables.items()},
        "file": str(place / "batch.duckdb"),
        "schema": "batch",
        "job": job.name,
        "batch": batch,
        "version": plan.version,
        "fields": [column.name for column in output_columns(frozen)],
        "required": [
            name
            for name in frozen.output_schema()["required"]
            if never_null(properties.get(name))
        ],
        "lineage": [column.name for column in LINEAGE if column.name not in _MAY_BE_EMPTY],
        "taxonomy": {field: list(values) for field, values in output.taxonomy.items()},
        "ranges": _ranges(properties),
        "rules": [
            {"name": rule.name, "sql": rule.sql}
            for rule in frozen.spec.rules
            if rule.severity == "error"
        ],
    }


def never_null(said: object) -> bool:
    """Whether the schema of a field leaves no room for null."""
    kinds = said.get("type") if isinstance(said, dict) else None
    return "null" not in kinds if isinstance(kinds, str | list) else False


def _ranges(properties: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    return {
        name: {"minimum": said.get("minimum"), "maximum": said.get("maximum")}
        for name, said in properties.items()
        if isinstance(said, dict)
        and said.get("type") in ("number", "integer")
        and not {"minimum", "maximum"}.isdisjoint(said)
    }


def _local(table: BatchTable, folder: Path) -> list[str]:
    """The table's files, on this machine: dbt's DuckDB is given nothing else to reach."""
    if at(table.path).protocol in ("", "file", "local"):
        return [str(at(file)) for file in table.files]
    folder.mkdir()
    copies = []
    for part, file in zip(table.parts, table.files, strict=True):
        with at(file).open("rb") as source, (folder / part).open("wb") as copy:
            shutil.copyfileobj(source, copy)
        copies.append(str(folder / part))
    return copies
