"""One attempt at one item, judged: from a reply or failure to what the store is told.

Pure but for sealing. Sending, waiting and stopping are `shard.py`'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..control.budget import Bound
from ..deadletter.letter import LetterWriter
from ..spec.provider import Price
from ..spec.resolved import ResolvedJob
from ..state.rows import Status
from ..state.writer import Entry
from ..validation.answer import AnswerCheck
from ..validation.confidence import ConfidenceReader
from .feed import WorkItem
from .outcome import Failure, FailureClass, Reply


@dataclass(frozen=True, slots=True)
class Judged:
    """A finished attempt: what to commit, and what it cost."""

    entry: Entry
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Paid:
    """What a call cost."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: float = 0.0
    saved_usd: float = 0.0
    kind: str | None = "settled"
    """As `Entry.money`."""


class Judge:
    """Judges the attempts of one job."""

    def __init__(self, job: ResolvedJob, letters: LetterWriter, price: Price) -> None:
        self._check = AnswerCheck(job).check
        self._confidence = ConfidenceReader(job).read
        self._letters = letters
        self._price = price
        self._max_attempts = job.spec.retry.max_attempts

    def reply(self, item: WorkItem, worker: str, reply: Reply, bound: Bound) -> Judged:
        """A call that came back: usable, or invalid and paid all the same."""
        choice = reply.choices[0]
        content = choice.message.content
        paid = self._paid(reply, bound)
        failure: Failure | None = None
        if choice.message.refusal or choice.finish_reason == "content_filter":
            failure = Failure(FailureClass.PERMANENT, "refusal", "The model refused to answer.")
        elif choice.finish_reason == "length":
            failure = Failure(
                FailureClass.INVALID,
                "truncated",
                "The answer was cut at max_tokens; raise model.parameters.max_tokens.",
            )
        else:
            checked = self._check(content)
            if checked.fields is not None and content is not None:
                tokens = choice.logprobs.content if choice.logprobs else None
                return Judged(
                    Entry(
                        seq=item.seq,
                        shard=item.shard,
                        attempt=item.attempt,
                        worker=worker,
                        status=Status.ANSWERED,
                        request_hash=item.request_hash,
                        at=time.time(),
                        content=content.encode(),
                        confidence=self._confidence(checked.fields, content, tokens),
                        tokens_in=paid.tokens_in,
                        tokens_out=paid.tokens_out,
                        tokens_cached=paid.tokens_cached,
                        cost_usd=paid.usd,
                        saved_usd=paid.saved_usd,
                        money=paid.kind,
                    ),
                    None,
                )
            failure = Failure(FailureClass.INVALID, checked.reason or "schema", checked.detail)
        raw = (content or choice.message.refusal or "").encode()
        return self._failed(item, worker, failure, raw, paid)

    def failure(self, item: WorkItem, worker: str, failure: Failure, bound: Bound) -> Judged:
        """A call that gave no reply; where it may have been billed, its bound counts as spent."""
        paid = Paid(kind=None)
        if failure.may_cost:
            paid = Paid(bound.tokens, usd=bound.usd, kind="written_off")
        return self._failed(item, worker, failure, None, paid)

    def _paid(self, reply: Reply, bound: Bound) -> Paid:
        usage = reply.usage.counted() if reply.usage else None
        if usage is None:  # not told: the upper bound, never less
            return Paid(bound.tokens, usd=bound.usd)
        cached = usage[2]
        return Paid(*usage, self._price.cost_usd(*usage), self._price.saved_usd(cached))

    def _failed(
        self, item: WorkItem, worker: str, failure: Failure, raw: bytes | None, paid: Paid
    ) -> Judged:
        now = time.time()
        final = (
            failure.kind is FailureClass.PERMANENT or item.attempt >= self._max_attempts
        )
        letter = None
        if final:
            letter = self._letters.letter(
                seq=item.seq,
                item_id=item.item_id,
                request_hash=item.request_hash,
                reason=failure.reason,
                message=failure.message,
                attempts=item.attempt,
                payload=item.text.encode(),
                answer=raw,
                at=now,
            )
            status = Status.DEAD
        else:
            invalid = failure.kind is FailureClass.INVALID
            status = Status.INVALID if invalid else Status.TRANSIENT
        entry = Entry(
            seq=item.seq,
            shard=item.shard,
            attempt=item.attempt,
            worker=worker,
            status=status,
            request_hash=item.request_hash,
            at=now,
            tokens_in=paid.tokens_in,
            tokens_out=paid.tokens_out,
            tokens_cached=paid.tokens_cached,
            cost_usd=paid.usd,
            saved_usd=paid.saved_usd,
            money=paid.kind,
            letter=letter,
        )
        return Judged(entry, failure)
