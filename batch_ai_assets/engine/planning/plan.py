"""The plan: which items of the manifest need a call, which end at once, which are skipped.

One pass over `raw_inputs`, durable before any call. The work plan it returns has a row per shard;
here there is one shard.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import failpoints
from ..deadletter.letter import LetterWriter
from ..figures import End
from ..inference.request import RequestTemplate
from ..sealing import Sealer, document_context
from ..spec.resolved import ResolvedJob
from ..state.rows import DeadLetter, ItemRow, Plan
from ..state.store import StateStore
from ..tables import BatchTable
from .tokens import count_tokens

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 1000
_MESSAGE_TOKENS = 16
"""What a chat format adds round one document, tokens."""


@dataclass(slots=True)
class Tally:
    """What the plan counted."""

    items: int = 0
    to_ask: int = 0
    tokens: int = 0
    dead: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


class Planner:
    """Plans one version of one batch."""

    def __init__(
        self,
        job: ResolvedJob,
        plan: Plan,
        store: StateStore,
        sealer: Sealer,
    ) -> None:
        self._job = job
        self._plan = plan
        self._store = store
        self._sealer = sealer
        self._template = RequestTemplate(job)
        self._letters = LetterWriter(plan, sealer)
        self._prompt_tokens = count_tokens([self._template.body("", b"").decode()])[0]
        self._room = job.offer.context_tokens - self._template.max_tokens - self._prompt_tokens
        self._claims = job.spec.batches.window != "snapshot"
        self._may_skip = plan.mode == "resume"
        self.tally = Tally()

    def run(self, raw: BatchTable) -> None:
        """Write every item of `raw` into the store, each chunk in one transaction.

        The caller marks the version as planned, once its work plan is published too.
        """
        columns = [
            "seq", "item_id", "input_hash", "tokens", "problem_reason", "problem_message", "sealed",
        ]  # fmt: skip
        for rows in raw.scan(columns, batch_rows=_CHUNK):
            self._plan_chunk(rows)
            failpoints.hit("after_manifest")

    def _plan_chunk(self, rows: pa.RecordBatch) -> None:
        ids = rows["item_id"].to_pylist()
        inputs = [bytes.fromhex(value) for value in rows["input_hash"].to_pylist()]
        hashes = [self._template.request_hash(value) for value in inputs]
        skip = self._skip_reasons(ids, inputs, hashes)
        items: list[ItemRow] = []
        letters: list[DeadLetter] = []
        seqs, tokens = rows["seq"].to_pylist(), rows["tokens"].to_pylist()
        reasons, messages = rows["problem_reason"].to_pylist(), rows["problem_message"].to_pylist()
        for index, item_id in enumerate(ids):
            end, reason, message = End.PENDING, "", ""
            if index in skip:
                end, reason = End.SKIPPED, skip[index]
            elif reasons[index]:
                end, reason, message = End.DEAD, reasons[index], messages[index]
            elif tokens[index] + _MESSAGE_TOKENS > self._room:
                end, reason = End.DEAD, "too_long"
                message = self._too_long(tokens[index])
            items.append(
                ItemRow(seqs[index], item_id, inputs[index], tokens[index], end.value, reason)
            )
            if end is End.DEAD:
                sealed = rows["sealed"][index].as_py()
                letters.append(self._letter(items[-1], hashes[index], message, sealed))
            self._count(end, reason, tokens[index])
        self._store.items.add(self._plan, items, letters)

    def _skip_reasons(
        self, ids: list[str], inputs: list[bytes], hashes: list[bytes]
    ) -> dict[int, str]:
        """index → why the item needs no call of this batch."""
        skip: dict[int, str] = {}
        if self._may_skip:
            released = self._store.items.released_elsewhere(self._plan, ids)
            open_letters = self._store.items.open_dead_letters(self._plan, ids)
            for index, (item_id, request_hash) in enumerate(zip(ids, hashes, strict=True)):
                if released.get(item_id) == request_hash:
                    skip[index] = "unchanged"
                elif (item_id, request_hash) in open_letters:
                    skip[index] = "open_dead_letter"
        if self._claims:
            held = self._store.items.claim(self._plan, list(zip(ids, inputs, strict=True)))
            skip |= {index: "claimed" for index, item_id in enumerate(ids) if item_id in held}
        return skip

    def _too_long(self, tokens: int) -> str:
        return (
            f"The document has {tokens:,} tokens; with the prompt and max_tokens, "
            f"{self._job.spec.model.name} has room for {max(self._room, 0):,}. Shorten it, or use "
            "a model with a longer context."
        )

    def _letter(
        self, item: ItemRow, request_hash: bytes, message: str, sealed: bytes
    ) -> DeadLetter:
        context = document_context(self._plan.job, self._plan.batch, item.item_id)
        return self._letters.letter(
            seq=item.seq,
            item_id=item.item_id,
            request_hash=request_hash,
            reason=item.reason,
            message=message,
            attempts=0,
            payload=self._sealer.open(sealed, context),
            answer=None,
            at=time.time(),
        )

    def _count(self, end: End, reason: str, tokens: int) -> None:
        tally = self.tally
        tally.items += 1
        if end is End.PENDING:
            tally.to_ask += 1
            tally.tokens += tokens + self._prompt_tokens
        elif end is End.DEAD:
            tally.dead += 1
        else:
            tally.skipped[reason] = tally.skipped.get(reason, 0) + 1

    def work_plan(self) -> Iterator[pa.RecordBatch]:
        """The plan as people read it: one row per shard, with estimates."""
        import pyarrow as pa

        tally, job = self.tally, self._job
        most_out = tally.to_ask * self._template.max_tokens
        columns: dict[str, object] = {
            "job": job.name,
            "batch": self._plan.batch,
            "version": self._plan.version,
            "shard_id": "0",
            "items": tally.items,
            "to_ask": tally.to_ask,
            "dead_before_call": tally.dead,
            "skipped_unchanged": tally.skipped.get("unchanged", 0),
            "skipped_open_dead_letter": tally.skipped.get("open_dead_letter", 0),
            "skipped_claimed": tally.skipped.get("claimed", 0),
            "tokens_in": tally.tokens,
            "most_tokens_out": most_out,
            "most_cost_usd": job.offer.rate.cost_usd(tally.tokens, most_out),
            "least_seconds": self._least_seconds(),
            "workers": job.spec.limits.concurrency,
        }
        schema = work_plan_schema()
        yield pa.record_batch(
            [pa.array([columns[entry.name]], entry.type) for entry in schema], schema=schema
        )

    def _least_seconds(self) -> float:
        """How long the declared rate limits alone make the batch take, seconds."""
        limits, allowed = self._job.spec.limits, self._job.provider.limits
        requests = limits.requests_per_minute or allowed.requests_per_minute
        tokens = limits.tokens_per_minute or allowed.tokens_per_minute
        return max(
            60.0 * self.tally.to_ask / requests if requests else 0.0,
            60.0 * self.tally.tokens / tokens if tokens else 0.0,
        )


def work_plan_schema() -> pa.Schema:
    """Columns of `work_plan`."""
    import pyarrow as pa

    columns = {
        "job": (pa.string(), "The batch AI job."),
        "batch": (pa.string(), "The batch (Dagster partition)."),
        "version": (pa.int64(), "Version of the batch that is planned."),
        "shard_id": (pa.string(), "The part of the batch."),
        "items": (pa.int64(), "Items in the manifest."),
        "to_ask": (pa.int64(), "Items that need an answer."),
        "dead_before_call": (pa.int64(), "Items that cannot be asked; they are dead letters."),
        "skipped_unchanged": (pa.int64(), "Items unchanged since their last released row."),
        "skipped_open_dead_letter": (pa.int64(), "Items with an open dead letter."),
        "skipped_claimed": (pa.int64(), "Items that another batch of the job took."),
        "tokens_in": (pa.int64(), "Tokens to send, prompts included."),
        "most_tokens_out": (pa.int64(), "Upper bound of answered tokens."),
        "most_cost_usd": (pa.float64(), "Cost if every answer is as long as allowed, USD."),
        "least_seconds": (pa.float64(), "Time the rate limits alone demand, seconds."),
        "workers": (pa.int64(), "Calls in flight at most."),
    }
    return pa.schema(
        [
            pa.field(name, kind, metadata={"description": said})
            for name, (kind, said) in columns.items()
        ]
    )
