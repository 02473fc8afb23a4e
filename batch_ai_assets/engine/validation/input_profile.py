"""The documents of a batch in figures: what `raw_inputs` holds, in one pass and bounded memory.

Counts only. What is too much of something is judged in `input_quality.py`. Texts are opened for
their language alone and leave nothing behind but a count.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from ..sealing import Sealer, document_context
from ..tables import BatchTable
from .languages import languages_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NAMED = 3
"""So many documents are named beside a count: enough to go and look."""

_SAMPLE = 2_000
"""Documents whose language is looked at: a share is then known within about 2 percent points."""
_OPENED_AT_ONCE = 512
_SCANNED_AT_ONCE = 8_192
_HASHES_AT_ONCE = 500_000
"""Hashes that are compared in one pass, 8 bytes each; more rows take more passes."""

_BY_REASON = {
    "empty": frozenset({"empty_text", "missing_text", "no_text"}),
    "undecodable": frozenset({"undecodable", "unreadable"}),
    "same_id": frozenset({"duplicate_id"}),
}


@dataclass(frozen=True, slots=True)
class InputProfile:
    """What a manifest holds. All figures are documents."""

    items: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    """`empty`, `undecodable`, `same_id`: documents that cannot be used, and why."""
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The first ones of each, by item id; of `same_text` some."""
    same_text: int = 0
    """Documents whose text an earlier one of the batch has already."""
    sampled: int = 0
    """Documents whose language was looked at."""
    languages: Mapping[str, int] = field(default_factory=dict)
    """Of those, how many are in which language."""


class TooLong(Protocol):
    """Whether a document of this type, size (tokens) and date is too long for its model."""

    def __call__(self, kind: str, tokens: int, changed: datetime | None, /) -> bool: ...


def profile(raw: BatchTable, sealer: Sealer) -> InputProfile:
    """Count the manifest `raw`. Raises StorageError, SealError."""
    if not raw.counted().rows:
        return InputProfile(items=raw.rows)
    counts: Counter[str] = Counter()
    named: dict[str, list[str]] = {}
    for item_id, reason in _problems(raw):
        for finding, reasons in _BY_REASON.items():
            if reason in reasons:
                counts[finding] += 1
                named.setdefault(finding, [])
                if len(named[finding]) < NAMED:
                    named[finding].append(item_id)
    same_text, repeated = _same_texts(raw)
    if repeated:
        named["same_text"] = _copies_of(raw, repeated)
    languages = Counter(languages_of(_sampled_texts(raw, sealer)))
    return InputProfile(
        items=raw.rows,
        counts=dict(counts),
        named={finding: tuple(ids) for finding, ids in named.items()},
        same_text=same_text,
        sampled=languages.total(),
        languages=dict(languages.most_common()),
    )


def count_too_long(
    raw: BatchTable, least_room: Callable[[], int], too_long: TooLong
) -> tuple[int, tuple[str, ...]]:
    """How many usable documents are too long, and the first ones.

    least_room: no document with at most so many tokens is (tokens). Asked for only where there
    are documents: to count what the prompts leave loads the vocabulary.
    """
    if not raw.counted().rows:
        return 0, ()
    import pyarrow.compute as pc

    count, least = 0, least_room()
    named: list[str] = []
    tokens = raw.scan(["tokens"], batch_rows=_SCANNED_AT_ONCE)
    if all((pc.max(rows["tokens"]).as_py() or 0) <= least for rows in tokens):
        return 0, ()
    columns = ["item_id", "tokens", "type", "changed_at", "problem_reason"]
    for rows in raw.scan(columns, batch_rows=_SCANNED_AT_ONCE):
        usable = pc.is_null(rows["problem_reason"])
        long = rows.filter(pc.and_(usable, pc.greater(rows["tokens"], least)))
        for row in long.to_pylist():
            if too_long(row["type"], row["tokens"], row["changed_at"]):
                count += 1
                if len(named) < NAMED:
                    named.append(row["item_id"])
    return count, tuple(named)


def _problems(raw: BatchTable) -> Iterator[tuple[str, str]]:
    """(item id, reason) of every document that cannot be asked."""
    import pyarrow.compute as pc

    for rows in raw.scan(["item_id", "problem_reason"], batch_rows=_SCANNED_AT_ONCE):
        bad = rows.filter(pc.is_valid(rows["problem_reason"]))
        yield from zip(
            bad["item_id"].to_pylist(), bad["problem_reason"].to_pylist(), strict=True
        )


def _same_texts(raw: BatchTable) -> tuple[int, list[int]]:
    """Usable documents but the first of each text, and the starts of some hashes that they share.

    One pass for each part of the hashes.
    """
    parts = -(-raw.rows // _HASHES_AT_ONCE)
    same, repeated = 0, list[int]()
    for part in range(parts):
        more, starts = _same_in_part(raw, part, parts)
        same, repeated = same + more, (repeated + starts)[:NAMED]
    return same, repeated


def _copies_of(raw: BatchTable, repeated: Sequence[int]) -> list[str]:
    """One document for each of these starts: the second one that has it."""
    import numpy as np
    import pyarrow.compute as pc

    left = dict.fromkeys(repeated, 2)
    copies: list[str] = []
    for rows in raw.scan(["item_id", "input_hash", "problem_reason"], batch_rows=_SCANNED_AT_ONCE):
        starts = _hash_starts(rows)
        if not np.isin(starts, repeated).any():
            continue
        usable = rows.filter(pc.is_null(rows["problem_reason"]))
        for start, item_id in zip(starts.tolist(), usable["item_id"].to_pylist(), strict=True):
            if start in left:
                left[start] -= 1
                if not left[start]:
                    copies.append(item_id)
        if len(copies) == len(left):
            break
    return copies


def _same_in_part(raw: BatchTable, part: int, parts: int) -> tuple[int, list[int]]:
    import numpy as np

    known = np.empty(0, dtype=np.uint64)
    waiting: list[np.ndarray[Any, Any]] = []
    same = held = 0
    repeated: list[int] = []

    def fold() -> None:
        nonlocal known, same, held, repeated
        before = len(known) + held
        known, times = np.unique(np.concatenate([known, *waiting]), return_counts=True)
        same += before - len(known)
        repeated = (repeated + known[times > 1][:NAMED].tolist())[:NAMED]
        waiting.clear()
        held = 0

    for rows in raw.scan(["input_hash", "problem_reason"], batch_rows=_SCANNED_AT_ONCE):
        hashes = _hash_starts(rows)
        waiting.append(hashes if parts == 1 else hashes[hashes % np.uint64(parts) == part])
        held += len(waiting[-1])
        if held >= _HASHES_AT_ONCE // 2:
            fold()
    fold()
    return same, repeated


def _hash_starts(rows: pa.RecordBatch) -> np.ndarray[Any, Any]:
    """The first 8 bytes of each usable document's hash; in ten million documents that differ, two
    share them once in 370,000 batches."""
    import numpy as np
    import pyarrow.compute as pc

    usable = rows["input_hash"].filter(pc.is_null(rows["problem_reason"]))
    if not len(usable):
        return np.empty(0, dtype=np.uint64)
    starts = memoryview(pc.utf8_slice_codeunits(usable, 0, 16).buffers()[2])[: 16 * len(usable)]
    return np.frombuffer(bytes.fromhex(bytes(starts).decode()), dtype=">u8").astype(np.uint64)


def _sampled_texts(raw: BatchTable, sealer: Sealer) -> Iterator[str]:
    """Texts of usable documents, from places drawn by lot: the same ones each time."""
    import pyarrow as pa

    places: Sequence[int] = range(raw.rows)
    if raw.rows > _SAMPLE:
        places = sorted(random.Random(raw.rows).sample(places, _SAMPLE))
    first = start = 0
    columns = ["item_id", "problem_reason", "sealed"]
    for rows in raw.scan(columns, batch_rows=_OPENED_AT_ONCE):
        stop = bisect_left(places, first + rows.num_rows, start)
        drawn = [place - first for place in places[start:stop]]
        first, start = first + rows.num_rows, stop
        for row in rows.take(pa.array(drawn, pa.int64())).to_pylist():
            if row["problem_reason"] is None:
                context = document_context(raw.job, raw.batch, row["item_id"])
                yield sealer.open(row["sealed"], context).decode("utf-8", "replace")
