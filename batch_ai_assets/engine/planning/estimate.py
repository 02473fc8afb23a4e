"""What a batch will probably cost and take, learned from the job's earlier batches.

Formulas are in `sizing.py`; what was found to do is in `survey.py`. An estimate decides nothing
but the number of shards.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import median
from time import time

import orjson

from ..control.deadline import deadline_of
from ..spec.resolved import ResolvedJob
from ..state.store import StateStore
from .sizing import (
    SECONDS_PER_CALL,
    Pace,
    checkpoint_bytes,
    duration_seconds,
    output_bytes,
    workers_for,
)

_BATCHES = 10
"""How many earlier batches are asked."""


@dataclass(frozen=True, slots=True)
class Work:
    """What some items are expected to cost and take."""

    items: int
    calls: int
    """One for each request: for an item, for several of them, or for a part of one."""
    tokens_in: int
    tokens_cached: int
    """Of these, those that the provider is expected to have in its prompt cache."""
    tokens_out: int
    """Expected."""
    most_tokens_out: int
    """If every answer is as long as allowed."""
    cost_usd: float
    """Expected."""
    most_cost_usd: float
    """If every answer is as long as allowed, and the provider has nothing cached."""
    seconds: float
    """Expected, with the concurrency and the limits of the job."""
    workers: int
    """Calls in flight at once."""
    workers_for_sla: int | None
    """Calls in flight that would bring the items home within the SLA; None without one."""
    output_bytes: int
    checkpoint_bytes: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """What earlier batches of the job say about a call."""

    batches: int = 0
    """How many were asked; without any, the figures are assumptions."""
    seconds_per_call: float = SECONDS_PER_CALL
    tokens_per_answer: float | None = None
    """None: nothing is known; then an answer is taken for as long as allowed."""
    cached_share: float = 0.0
    """Of the tokens sent, the part that the provider had in its prompt cache."""

    @classmethod
    def of(cls, job: ResolvedJob, store: StateStore) -> Expectation:
        """Medians over the newest completed batches that asked at least once."""
        records = [
            found
            for text in store.batches.newest_records(job.name, _BATCHES)
            if (found := orjson.loads(text))["calls"] and found["duration_seconds"] > 0
        ]
        if not records:
            return cls()
        workers = job.spec.limits.concurrency
        return cls(
            len(records),
            median(
                one["duration_seconds"] * min(workers, one["calls"]) / one["calls"]
                for one in records
            ),
            median(one["tokens_out"] / max(one["calls"], one["asked"], 1) for one in records),
            # A record from before cached tokens were counted says nothing of them.
            median(one.get("tokens_cached", 0) / max(one["tokens_in"], 1) for one in records),
        )

    def work(self, job: ResolvedJob, items: int, calls: int, tokens: int) -> Work:
        """What `items` asked in so many `calls` with `tokens` input tokens mean for this job."""
        answers = _answers(job, items, calls)
        most = answers * job.spec.model.parameters.max_tokens
        known = self.tokens_per_answer
        answered = most if known is None else min(most, ceil(answers * known))
        cached = int(tokens * self.cached_share)
        rate, now = job.offer.rate, time()
        due = deadline_of(job.spec.sla, now)
        needed = None if due is None else workers_for(calls, due - now, self.seconds_per_call)
        return Work(
            items=items,
            calls=calls,
            tokens_in=tokens,
            tokens_cached=cached,
            tokens_out=answered,
            most_tokens_out=most,
            cost_usd=rate.cost_usd(tokens, answered, cached),
            most_cost_usd=rate.cost_usd(tokens, most),
            seconds=self.seconds(job, calls, tokens + answered),
            workers=job.spec.limits.concurrency,
            workers_for_sla=needed,
            output_bytes=output_bytes(items, answered / answers if answers else 0.0),
            checkpoint_bytes=checkpoint_bytes(answers),
        )

    def seconds(self, job: ResolvedJob, calls: int, tokens: int) -> float:
        """How long so many calls with so many tokens, answers included, are expected to take."""
        limits, allowed = job.spec.limits, job.provider.limits
        pace = Pace(
            limits.concurrency,
            _lower(limits.requests_per_minute, allowed.requests_per_minute),
            _lower(limits.tokens_per_minute, allowed.tokens_per_minute),
            self.seconds_per_call,
        )
        return duration_seconds(calls, tokens, pace)


def _answers(job: ResolvedJob, items: int, calls: int) -> int:
    """How many answers there will be: for each item, or for each of its parts. Where some items
    share a call and others take several, no fewer than these."""
    mixed = job.spec.prompt.items_per_request > 1 and job.spec.over_length == "chunk_and_merge"
    return items + calls if mixed else max(items, calls)


def _lower(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)
