"""The manifest: every item of a batch as it was read, in `raw_inputs`, text sealed.

Replay and review read it, never the source again. Which items are worth a call is the plan's to
say (`plan.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from ..intake.document import Document
from ..sealing import Sealer, document_context
from ..tokens import count_tokens
from ..validation.columns import arrow_schema
from ..validation.table_columns import MANIFEST

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 512


def manifest_schema() -> pa.Schema:
    """Columns of `raw_inputs`. `seq` is the row's position, from 0."""
    return arrow_schema(MANIFEST)


def manifest_rows(
    job: str, batch: str, documents: Iterator[Document], sealer: Sealer
) -> Iterator[pa.RecordBatch]:
    """`raw_inputs` rows of `documents`, in their order; in memory is one chunk."""
    import pyarrow as pa

    schema = manifest_schema()
    first = 0
    while chunk := tuple(islice(documents, _CHUNK)):
        columns = _columns(job, batch, first, chunk, sealer)
        yield pa.record_batch(
            [pa.array(columns[field.name], field.type) for field in schema], schema=schema
        )
        first += len(chunk)


def _columns(
    job: str, batch: str, first: int, chunk: tuple[Document, ...], sealer: Sealer
) -> dict[str, Sequence[object]]:
    texts = [document.text for document in chunk]
    payloads = [document.raw or document.text.encode() for document in chunk]
    return {
        "job": [job] * len(chunk),
        "batch": [batch] * len(chunk),
        "seq": list(range(first, first + len(chunk))),
        "item_id": [document.item_id for document in chunk],
        "source": [document.source for document in chunk],
        "input_hash": [hashlib.sha256(payload).hexdigest() for payload in payloads],
        "bytes": [len(payload) for payload in payloads],
        "tokens": list(count_tokens(texts)),
        "type": [document.kind for document in chunk],
        "pages": [document.pages for document in chunk],
        "changed_at": [_instant(document.changed) for document in chunk],
        "priority": [document.priority for document in chunk],
        "data_classification": [document.data_classification for document in chunk],
        "attributes": [orjson.dumps(document.attributes).decode() for document in chunk],
        "problem_reason": [d.problem.reason if d.problem else None for d in chunk],
        "problem_message": [d.problem.message if d.problem else None for d in chunk],
        "sealed": sealer.seal_all(
            payloads, [document_context(job, batch, document.item_id) for document in chunk]
        ),
    }


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
