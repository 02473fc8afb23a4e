"""One attempt, judged: from a reply or failure to what the store is told of each item.

A request asks one item or several; each gets an entry of its own and its share of the cost. Pure
but for sealing. Sending, waiting and stopping are `shard.py`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import msgspec
from msgspec.structs import replace

from ..control.budget import Bound
from ..deadletter.letter import LetterWriter
from ..spec.provider import Price
from ..spec.resolved import ResolvedJob
from ..state.rows import Status
from ..state.writer import Entry
from ..validation.answer import AnswerCheck, Checked
from ..validation.confidence import ConfidenceReader
from .divided import Divided
from .item import WorkItem
from .merging import Merge
from .outcome import Choice, Failure, FailureClass, Reply
from .packed import Element, read, why


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A finished attempt at one item: what to commit, and what went wrong."""

    entry: Entry
    failure: Failure | None


class Paid(msgspec.Struct, frozen=True, gc=False):
    """What a call cost, or an item's share of it."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: float = 0.0
    saved_usd: float = 0.0
    kind: str | None = "settled"
    """As `Entry.money`."""


_NOTHING = Paid(kind=None)


class Judge:
    """Judges the attempts of one job."""

    def __init__(self, job: ResolvedJob, letters: LetterWriter, price: Price) -> None:
        self._check = AnswerCheck(job).check
        self._confidence = ConfidenceReader(job)
        self._letters = letters
        self._price = price
        self._max_attempts = job.spec.retry.max_attempts
        self._merge = Merge(job).merge

    def reply(
        self, items: Sequence[WorkItem], worker: str, reply: Reply, bound: Bound
    ) -> list[Judged]:
        """A call that came back: usable, or invalid and paid all the same."""
        choice, paid = reply.choices[0], self._paid(reply, bound)
        if len(items) == 1:
            return [self._single(items[0], worker, choice, paid)]
        return list(self._several(items, worker, choice, paid))

    def failure(
        self, items: Sequence[WorkItem], worker: str, failure: Failure, bound: Bound
    ) -> list[Judged]:
        """A call that gave no reply; where it may have been billed, its bound counts as spent."""
        paid = _NOTHING
        if failure.may_cost:
            paid = Paid(bound.tokens, usd=bound.usd, kind="written_off")
        if len(items) == 1:
            return [self._failed(items[0], worker, failure, None, paid)]
        shares = _shares(paid, [item.tokens for item in items])
        return [
            self._split(item, place, worker, failure, share)
            for place, (item, share) in enumerate(zip(items, shares, strict=True))
        ]

    def merged(self, whole: Divided, worker: str) -> Judged:
        """The document whose parts are all answered. Its parts were paid, so it costs nothing."""
        merged = self._merge(whole.in_order())
        item = WorkItem(
            whole.seq, whole.item_id, whole.text, b"", whole.request_hash, 0, whole.shard,
            whole.attempt,
        )  # fmt: skip
        if merged.failure is not None:
            return self._failed(item, worker, merged.failure, merged.content, _NOTHING)
        paid = Paid(whole.tokens_in, whole.tokens_out, kind=None)
        judged = self._answered(item, worker, merged.content.decode(), merged.confidence, paid)
        return replace(judged, entry=replace(judged.entry, status=Status.MERGED))

    def _paid(self, reply: Reply, bound: Bound) -> Paid:
        usage = reply.usage.counted() if reply.usage else None
        if usage is None:  # not told: the upper bound, never less
            return Paid(bound.tokens, usd=bound.usd)
        cached = usage[2]
        return Paid(*usage, self._price.cost_usd(*usage), self._price.saved_usd(cached))

    def _single(self, item: WorkItem, worker: str, choice: Choice, paid: Paid) -> Judged:
        message = choice.message
        content = message.content
        finished = choice.finish_reason == "stop" and not message.refusal  # nearly always
        failure = None if finished else _unfinished(choice)
        if failure is None:
            checked = self._check(content)
            if checked.fields is not None and content is not None:
                tokens = choice.logprobs.content if choice.logprobs else None
                confidence = self._confidence.read(checked.fields, content, tokens)
                return self._answered(item, worker, content, confidence, paid)
            failure = _invalid(checked)
        raw = (content or message.refusal or "").encode()
        return self._failed(item, worker, failure, raw, paid)

    def _several(
        self, items: Sequence[WorkItem], worker: str, choice: Choice, paid: Paid
    ) -> Iterator[Judged]:
        """Each item by its own answer; where the reply as a whole is no good, none is used."""
        content = choice.message.content
        failure = _unfinished(choice)
        found: list[Element | None] = [None] * len(items)
        if failure is None:
            read_out = read(content, len(items))
            if isinstance(read_out, str):
                failure = Failure(FailureClass.INVALID, read_out, why(read_out))
            else:
                found = read_out
        shares = _shares(paid, [item.tokens for item in items])
        tokens = choice.logprobs.content if choice.logprobs else None
        missing = Failure(FailureClass.INVALID, "answer_ids", "The answer leaves out a document.")
        for place, (item, share, element) in enumerate(zip(items, shares, found, strict=True)):
            if element is None:
                yield self._split(item, place, worker, failure or missing, share)
                continue
            checked = self._check(element.content)
            if checked.fields is None and item.attempt >= self._max_attempts:
                # The last word on a document is one that it had for itself.
                yield self._split(item, place, worker, _invalid(checked), share)
                continue
            if checked.fields is None:
                raw = element.text.encode()
                judged = self._failed(item, worker, _invalid(checked), raw, share)
            else:
                confidence = self._confidence.read_within(
                    checked.fields, element.text, content or "", element.start, tokens
                )
                judged = self._answered(item, worker, element.content, confidence, share)
            yield replace(judged, entry=replace(judged.entry, place=place))

    def _answered(
        self, item: WorkItem, worker: str, content: str, confidence: float | None, paid: Paid
    ) -> Judged:
        return Judged(
            Entry(
                seq=item.seq,
                shard=item.shard,
                attempt=item.attempt,
                worker=worker,
                status=Status.PART if item.part else Status.ANSWERED,
                request_hash=item.request_hash,
                at=time.time(),
                content=content.encode(),
                confidence=confidence,
                tokens_in=paid.tokens_in,
                tokens_out=paid.tokens_out,
                tokens_cached=paid.tokens_cached,
                cost_usd=paid.usd,
                saved_usd=paid.saved_usd,
                money=paid.kind,
                part=item.part,
            ),
            None,
        )

    def _failed(
        self, item: WorkItem, worker: str, failure: Failure, raw: bytes | None, paid: Paid
    ) -> Judged:
        now = time.time()
        letter, whole = None, item.whole
        final = failure.kind is FailureClass.PERMANENT or item.attempt >= self._max_attempts
        if final and not (whole is not None and whole.dead):  # one letter for all its parts
            letter = self._letters.letter(
                seq=item.seq,
                item_id=item.item_id,
                request_hash=item.request_hash if whole is None else whole.request_hash,
                reason=failure.reason,
                message=failure.message,
                attempts=item.attempt,
                payload=(item.text if whole is None else whole.text).encode(),
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
            part=item.part,
        )
        return Judged(entry, failure)

    @staticmethod
    def _split(
        item: WorkItem, place: int, worker: str, failure: Failure, paid: Paid
    ) -> Judged:
        """One item of a request that came to nothing: no attempt of its own is used up."""
        entry = Entry(
            seq=item.seq,
            shard=item.shard,
            attempt=-1 - item.splits,
            worker=worker,
            status=Status.SPLIT,
            request_hash=item.request_hash,
            at=time.time(),
            tokens_in=paid.tokens_in,
            tokens_out=paid.tokens_out,
            tokens_cached=paid.tokens_cached,
            cost_usd=paid.usd,
            saved_usd=paid.saved_usd,
            money=paid.kind,
            place=place,
        )
        return Judged(entry, failure)


def _unfinished(choice: Choice) -> Failure | None:
    """Why there is no whole answer: the model refused, or was cut off."""
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return Failure(FailureClass.PERMANENT, "refusal", "The model refused to answer.")
    if choice.finish_reason == "length":
        return Failure(
            FailureClass.INVALID,
            "truncated",
            "The answer was cut at max_tokens; raise model.parameters.max_tokens.",
        )
    return None


def _invalid(checked: Checked) -> Failure:
    return Failure(FailureClass.INVALID, checked.reason or "schema", checked.detail)


def _shares(paid: Paid, sizes: Sequence[int]) -> list[Paid]:
    """The cost of a request, shared by the size of each document (tokens) and, for the prompt
    that they share, evenly. The shares add up to the whole, each kind of token by itself."""
    prompt = max(len(sizes), paid.tokens_in - sum(sizes))
    weights = [size + prompt / len(sizes) for size in sizes]
    total = sum(weights)
    edges = list(accumulate(weights, initial=0))
    told = [round(paid.tokens_in * edge / total) for edge in edges]
    answered = [paid.tokens_out * place // len(sizes) for place in range(len(sizes) + 1)]
    # By what was told, so that rounding gives no item more cached tokens than tokens.
    cached = [paid.tokens_cached * edge // max(1, paid.tokens_in) for edge in told]
    parts = zip(weights, _steps(told), _steps(answered), _steps(cached), strict=True)
    return [
        Paid(sent, said, kept, paid.usd * part / total, paid.saved_usd * part / total, paid.kind)
        for part, sent, said, kept in parts
    ]


def _steps(edges: Sequence[int]) -> list[int]:
    return [after - before for before, after in pairwise(edges)]
