"""Feed: the items of a pass, a chunk at a time; stored answers are served on the way.

Runs in a thread beside the event loop: reading, opening seals and look-ups are done here for 256
items at once. Resume, primary pass and retry sweep are the same thing: whatever the store says
still needs a call.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..sealing import Sealer, document_context
from ..state.rows import Plan, Status, StoredAnswer
from ..state.store import StateStore
from ..state.writer import Entry, Writer
from ..tables import BatchTable, RowReader
from .outcome import Failure, FailureClass
from .request import Correction, RequestTemplate

CHUNK = 256


@dataclass(slots=True)
class WorkItem:
    """One item on its way to the provider."""

    seq: int
    item_id: str
    text: str
    input_hash: bytes
    request_hash: bytes
    tokens: int
    shard: int
    attempt: int
    """Number of the coming attempt, from 1."""
    correction: Correction | None = None
    """What is asked otherwise than the first time."""


def corrected(item: WorkItem, failure: Failure) -> WorkItem | None:
    """The item as it is asked once more after an invalid answer; None where that was done.

    The error goes with the document, an answer that was cut gets more room. Once: a model that
    errs twice in the same way will err again.
    """
    if item.correction is not None or failure.kind is not FailureClass.INVALID:
        return None
    cut = failure.reason == "truncated"
    correction = Correction("" if cut else failure.message, longer=cut)
    return replace(item, attempt=item.attempt + 1, correction=correction)


class Feed:
    """One pass over what is still to do. Not shared between threads."""

    def __init__(
        self,
        store: StateStore,
        plan: Plan,
        raw: BatchTable,
        sealer: Sealer,
        template: RequestTemplate,
        shards: Sequence[int],
        writer: Writer,
        run_id: str,
        most: int | None = None,
    ) -> None:
        """`most`: no more items than these; the canary."""
        self._store = store
        self._plan = plan
        self._rows = RowReader(raw, ["item_id", "sealed", "input_hash", "tokens"])
        self._sealer = sealer
        self._template = template
        self._shards = shards
        self._writer = writer
        self._worker = f"{run_id}/store"
        self._after = -1
        self._most = most
        self._served = 0
        self._returned: list[WorkItem] | None = None

    def give_back(self, chunk: list[WorkItem]) -> None:
        """The next `next_chunk` gives `chunk` once more."""
        self._returned = chunk

    def next_chunk(self) -> list[WorkItem] | None:
        """Items to ask, possibly none of this chunk; None at the end of the pass."""
        if self._returned is not None:
            chunk, self._returned = self._returned, None
            return chunk
        size = CHUNK if self._most is None else min(CHUNK, self._most)
        if not size:
            return None
        to_do = self._store.items.to_do(self._plan, self._shards, self._after, size)
        if not to_do:
            return None
        seqs = list(to_do)
        self._after = seqs[-1]
        if self._most is not None:
            self._most -= len(seqs)
        rows = self._rows.take(seqs)
        inputs = [bytes.fromhex(value) for value in rows["input_hash"].to_pylist()]
        tokens = rows["tokens"].to_pylist()
        hashes = list(map(self._template.request_hash, inputs, tokens))
        stored = {} if self._plan.mode == "fresh" else self._store.answers.look_up(hashes)
        ids, sealed = rows["item_id"].to_pylist(), rows["sealed"]
        ask: list[WorkItem] = []
        for index, seq in enumerate(seqs):
            (shard, attempts), answer = to_do[seq], stored.get(hashes[index])
            if answer is not None:
                self._serve(seq, shard, attempts + 1, answer)
                continue
            text = self._open(ids[index], sealed[index].as_py())
            ask.append(
                WorkItem(
                    seq, ids[index], self._template.asked_text(text, tokens[index]),
                    inputs[index], hashes[index], tokens[index], shard, attempts + 1,
                )
            )  # fmt: skip
        return ask

    def served_since_last(self) -> int:
        """Items that stored answers served since this was last asked."""
        served, self._served = self._served, 0
        return served

    def _serve(self, seq: int, shard: int, attempt: int, answer: StoredAnswer) -> None:
        self._writer.put(
            Entry(
                seq=seq,
                shard=shard,
                attempt=attempt,
                worker=self._worker,
                status=Status.FROM_STORE,
                request_hash=answer.request_hash,
                at=time.time(),
                answer_id=answer.answer_id,
            )
        )
        self._served += 1

    def _open(self, item_id: str, sealed: bytes) -> str:
        aad = document_context(self._plan.job, self._plan.batch, item_id)
        return self._sealer.open(sealed, aad).decode()
