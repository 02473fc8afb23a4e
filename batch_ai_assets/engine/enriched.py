"""Enriched rows: stored answers as columns, with the whole lineage of each.

Built from the state store alone, so `enriched_outputs` can be rebuilt at any time. Verdicts and
what is released come later (`judging.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from .asked_ways import AskedWays
from .sealing import Sealer
from .spec.resolved import ResolvedJob
from .state.rows import EnrichedRow, Mark, Plan, Status
from .state.store import StateStore
from .tables import BatchTable, RowReader
from .validation.columns import enriched_schema, output_columns, row_cells

if TYPE_CHECKING:
    import pyarrow as pa


def enriched_rows(
    job: ResolvedJob, plan: Plan, raw: BatchTable, store: StateStore, sealer: Sealer
) -> Iterator[pa.RecordBatch]:
    """`enriched_outputs` rows by seq; in memory is one chunk."""
    import pyarrow as pa

    schema = enriched_schema(job)
    ways = AskedWays(job, store.shards.of(plan))
    inputs = RowReader(raw, ["data_classification", "tokens"])
    marks = store.answers.marks(plan)
    for chunk in store.answers.enriched(plan):
        read = inputs.take([row.seq for row in chunk])
        columns = _lineage(job, plan, chunk, read["data_classification"].to_pylist())
        columns |= _fields(job, chunk, sealer)
        columns["prompt_version"] = [ways.prompt_version(row.shard) for row in chunk]
        columns["flags"] = [
            ways.flags(row.shard, tokens) + marked(marks, row.seq)
            for row, tokens in zip(chunk, read["tokens"].to_pylist(), strict=True)
        ]
        yield pa.record_batch(
            [pa.array(columns[field.name], field.type) for field in schema], schema=schema
        )


def _lineage(
    job: ResolvedJob, plan: Plan, rows: list[EnrichedRow], data_class: list[str]
) -> dict[str, list[Any]]:
    from_store = [row.status == Status.FROM_STORE for row in rows]
    workers = [row.worker.rpartition("/") for row in rows]
    same = {
        "job": job.name,
        "batch": plan.batch,
        "version": plan.version,
        "provider": job.spec.model.provider,
        "model": job.spec.model.name,
        "model_version": job.model_version,
        "schema_version": job.spec.output.version,
    }
    return {name: [value] * len(rows) for name, value in same.items()} | {
        "seq": [row.seq for row in rows],
        "item_id": [row.item_id for row in rows],
        "output_id": [output_id(plan, row.item_id) for row in rows],
        "run_id": [run_id for run_id, _, _ in workers],
        "shard_id": [str(row.shard) for row in rows],
        "worker_id": [row.worker for row in rows],
        "input_hash": [row.input_hash.hex() for row in rows],
        "confidence": [row.confidence for row in rows],
        "attempts": [
            row.attempt - 1 if stored else row.attempt
            for row, stored in zip(rows, from_store, strict=True)
        ],
        "tokens_in": [row.tokens_in for row in rows],
        "tokens_out": [row.tokens_out for row in rows],
        "cost_usd": [row.cost_usd for row in rows],
        "created_at": [datetime.fromtimestamp(row.at, UTC) for row in rows],
        "data_classification": data_class,
    }


def _fields(job: ResolvedJob, rows: list[EnrichedRow], sealer: Sealer) -> dict[str, list[Any]]:
    cells = row_cells(job)
    answers = [cells(orjson.loads(sealer.open(row.sealed, row.request_hash))) for row in rows]
    return {
        column.name: [answer[place] for answer in answers]
        for place, column in enumerate(output_columns(job))
    }


def marked(marks: Mapping[int, Mark], seq: int) -> list[str]:
    """The flag of an item whose answer a person accepted or corrected; none for any other."""
    return [marks[seq].value] if seq in marks else []


def output_id(plan: Plan, item_id: str) -> str:
    """The row's name for ever: job/batch/item/version."""
    return f"{plan.job}/{plan.batch}/{item_id}/{plan.version}"
