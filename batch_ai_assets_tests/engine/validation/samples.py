"""Jobs and result rows to try validation on; small, complete, and easy to bend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.spec.provider import ModelOffer, ProviderSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable
from batch_ai_assets.engine.validation.columns import enriched_schema, result_schema
from batch_ai_assets.engine.validation.version_tables import VersionTables

FAMILIES = {
    "permissive": "may be used freely with attribution",
    "copyleft": "derived works keep the licence",
    "permissive-0": "as permissive, without attribution",
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "family": {"type": "string", "description": "Licence family."},
        "level": {"type": "string", "enum": ["none", "some", "strong"]},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "clauses": {"type": "integer", "minimum": 0},
        "patents": {"type": ["boolean", "null"]},
        "names": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["family", "level"],
}


def make_job(
    schema: Mapping[str, Any] = SCHEMA,
    taxonomy: Mapping[str, Mapping[str, str]] | None = None,
    rules: Sequence[Mapping[str, str]] = (),
    **output: Any,
) -> ResolvedJob:
    """A job with this output schema and these rules; `output` goes to `spec.output` as it is."""
    if taxonomy is None:
        taxonomy = {"family": FAMILIES} if "family" in schema["properties"] else {}
    thresholds = output.pop("thresholds", {})
    spec = JobSpec.model_validate(
        {
            "job": "licences",
            "owner": "team:legal",
            "purpose": "Sort licence texts",
            "data_classification": "public",
            "input": {"path": "in"},
            "model": {"provider": "local", "name": "stub"},
            "prompt": {"version": "1"},
            "output": {"schema": dict(schema), "taxonomy": taxonomy, **output},
            "rules": list(rules),
            "thresholds": thresholds,
            "budget": {"limit_tokens": 1_000_000},
        }
    )
    provider = ProviderSpec(
        kind="local", models={"stub": ModelOffer(price="free", context_tokens=8192)}
    )
    return ResolvedJob(spec=spec, provider=provider, prompt_text="Sort.", folder="jobs/licences")


def make_row(job: ResolvedJob, number: int, /, **changes: Any) -> dict[str, Any]:
    """One sound enriched row; `changes` bend it."""
    row: dict[str, Any] = {
        "seq": number,
        "job": job.name,
        "batch": "b1",
        "item_id": f"doc-{number}",
        "output_id": f"{job.name}/b1/doc-{number}/1",
        "version": 1,
        "run_id": "run",
        "shard_id": "0",
        "worker_id": "w0",
        "provider": "local",
        "model": "stub",
        "model_version": "stub",
        "prompt_version": "1",
        "schema_version": "1",
        "input_hash": f"{number:064x}",
        "confidence": 0.9,
        "attempts": 1,
        "tokens_in": 10,
        "tokens_out": 5,
        "cost_usd": 0.0,
        "created_at": datetime(2026, 11, 22, tzinfo=UTC),
        "data_classification": "public",
        "family": "permissive",
        "level": "none",
        "score": 0.5,
        "clauses": 3,
        "patents": None,
        "names": '["MIT"]',
        "flags": [],
    }
    return {**row, **changes}


def write_rows(
    job: ResolvedJob,
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    enriched: bool = False,
    row_group_size: int = 1000,
) -> list[str]:
    """Parquet files as the engine writes them: results, or enriched rows with `seq`."""
    schema = enriched_schema(job) if enriched else result_schema(job)
    kept = [{name: row.get(name) for name in schema.names} for row in rows]
    path = folder / f"part-{len(list(folder.glob('*.parquet'))):05}.parquet"
    pq.write_table(pa.Table.from_pylist(kept, schema=schema), path, row_group_size=row_group_size)
    return [str(path)]


def write_tables(
    job: ResolvedJob, folder: Path, rows: Sequence[Mapping[str, Any]], **other: Any
) -> VersionTables:
    """All four tables of a version in which these rows are valid; `other`: rows of its own for a
    table, by name."""
    written = {
        "raw_inputs": [{name: row[name] for name in ("item_id", "input_hash")} for row in rows],
        "enriched_outputs": rows,
        "validation_report": [{"item_id": row["item_id"], "end": "valid"} for row in rows],
        "results": rows,
        **other,
    }
    return VersionTables(
        **{name: _table(job, folder / name, found) for name, found in written.items()}
    )


def _table(job: ResolvedJob, folder: Path, rows: Sequence[Mapping[str, Any]]) -> BatchTable:
    folder.mkdir()
    if folder.name in ("results", "enriched_outputs"):
        write_rows(job, folder, rows, enriched=folder.name == "enriched_outputs")
    else:
        names = {"raw_inputs": ("item_id", "input_hash"), "validation_report": ("item_id", "end")}
        schema = pa.schema([(name, pa.string()) for name in names[folder.name]])
        pq.write_table(pa.Table.from_pylist(list(rows), schema), folder / "part-00000.parquet")
    return BatchTable(
        job.name, folder.name, "b1", "run", str(folder), ("part-00000.parquet",), len(rows)
    )
