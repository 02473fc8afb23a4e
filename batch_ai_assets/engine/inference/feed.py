"""Feed: the items of a pass, a chunk at a time; stored answers are served on the way.

Runs in a thread beside the event loop: reading, opening seals and look-ups are done here for 512
items at once. Resume, primary pass and retry sweep are the same thing: whatever the store says
still needs a call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..sealing import Sealer, document_context
from ..state.askers import document_key
from ..state.rows import Plan, Status, StoredAnswer, ToDo
from ..state.store import StateStore
from ..state.writer import Entry, Writer
from ..tables import BatchTable, RowReader
from .attempt import Judge
from .item import WorkItem, halved
from .parting import Parting
from .request import RequestTemplate

if TYPE_CHECKING:
    import numpy as np

CHUNK = 512


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
        judge: Judge,
        most: int | None = None,
        turn: int | None = None,
    ) -> None:
        """`judge`: for documents whose parts are all answered already. `most`: no more items than
        these; the canary. `turn`: the version's place among those that ask the same kind of
        question; None: it asks whatever others ask."""
        self._store = store
        self._plan = plan
        self._rows = RowReader(raw, ["item_id", "sealed", "input_hash", "tokens"])
        self._sealer = sealer
        self._template = template
        self._together = template.together
        self._parting = Parting(store, plan, sealer, template)
        self._judge = judge
        self._shards = shards
        self._writer = writer
        self._worker = f"{run_id}/store"
        self._priorities: Iterator[int] | None = None
        self._priority: int | None = None
        self._after = -1
        self._most = most
        self._others = _Others(store, template.kind, turn)
        self.elsewhere = 0
        """Items that another batch is about to ask: its answer will serve them."""
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
        to_do = self._next_to_do(size) if size else []
        if not to_do:
            return None
        if self._most is not None:
            self._most -= len(to_do)
        rows = self._rows.take([one.seq for one in to_do])
        inputs = list(map(bytes.fromhex, rows["input_hash"].to_pylist()))
        tokens = rows["tokens"].to_pylist()
        hashes = list(map(self._template.request_hash, inputs, tokens))
        stored = {} if self._plan.mode == "fresh" else self._store.answers.look_up(hashes)
        columns = zip(
            to_do, rows["item_id"].to_pylist(), rows["sealed"].to_pylist(), tokens, inputs, hashes,
            strict=True,
        )  # fmt: skip
        ask: list[WorkItem] = []
        for one, item_id, sealed, length, input_hash, request_hash in columns:
            if (answer := stored.get(request_hash)) is not None:
                self._serve(one, answer)
            elif self._others.ask(input_hash):
                self.elsewhere += 1
            else:
                text = self._open(item_id, sealed)
                ask += self._asked(one, item_id, text, length, input_hash, request_hash)
        return ask

    def _asked(
        self, one: ToDo, item_id: str, text: str, tokens: int, input_hash: bytes, request: bytes
    ) -> list[WorkItem]:
        """What is asked of a document: all of it or its beginning, or its parts."""
        if tokens > self._template.whole_up_to:
            if self._template.divides(tokens):
                return self._parts(one, item_id, text, request)
            text, tokens = (
                self._template.asked_text(text, tokens), self._template.asked_tokens(tokens)
            )  # fmt: skip
        together = halved(self._together, one.splits)
        return [
            WorkItem(
                one.seq, item_id, text, input_hash, request, tokens,
                one.shard, one.attempts + 1, one.splits, together,
            )
        ]  # fmt: skip

    def _parts(
        self, one: ToDo, item_id: str, text: str, request_hash: bytes
    ) -> list[WorkItem]:
        """The parts of a document that must be asked; none, and it is merged at once."""
        whole = self._parting.divided(one, item_id, text, request_hash)
        if whole.complete:
            self._writer.put(self._judge.merged(whole, self._worker).entry)
            self._served += 1
            return []
        return self._parting.items(whole)

    def _next_to_do(self, size: int) -> list[ToDo]:
        """The next items that need a call, urgent ones first."""
        if self._priorities is None:
            self._priorities = iter(self._store.items.priorities(self._plan, self._shards))
            self._priority = next(self._priorities, None)
        while self._priority is not None:
            found = self._store.items.to_do(
                self._plan, self._shards, self._after, size, self._priority
            )
            if found:
                self._after = found[-1].seq
                return found
            self._priority, self._after = next(self._priorities, None), -1
        return []

    def served_since_last(self) -> int:
        """Items that stored answers served since this was last asked."""
        served, self._served = self._served, 0
        return served

    def _serve(self, one: ToDo, answer: StoredAnswer) -> None:
        self._writer.put(
            Entry(
                seq=one.seq,
                shard=one.shard,
                attempt=one.attempts + 1,
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


class _Others:
    """What batches that began before this one still have to ask, as it was when a pass began."""

    def __init__(self, store: StateStore, kind: bytes, turn: int | None) -> None:
        self._store, self._kind, self._turn = store, kind, turn
        self._documents: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None

    def ask(self, input_hash: bytes) -> bool:
        """Whether one of them asks, or is about to ask, about this document."""
        if self._turn is None:
            return False
        if self._documents is None:
            ahead = self._store.askers.ahead(self._kind, self._turn)
            self._documents = self._store.askers.pending(ahead)
        key = document_key(input_hash)
        place = self._documents.searchsorted(key) if len(self._documents) else 0
        return bool(place < len(self._documents) and self._documents[place] == key)
