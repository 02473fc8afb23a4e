"""Accounting: what a batch version saved, and how much of its rate it used.

From sums of the state store to the parts of a completion record; how they look is `reporting/`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from .figures import BatchFigures
from .inference.request import RequestTemplate
from .reporting.completion import RateRecord, SavingRecord
from .spec.resolved import ResolvedJob
from .state.rows import Plan, ShardRow
from .state.store import StateStore

LEAST_SECONDS = 1.0
"""A share of a rate per minute says nothing of a shorter time."""


def savings(
    job: ResolvedJob, plan: Plan, shards: list[ShardRow], store: StateStore
) -> Iterator[SavingRecord]:
    """What was not paid for; nothing is said of what saved nothing."""
    skipped = store.accounts.by_skipping(plan)
    if skipped.documents:
        yield SavingRecord(what="skipping", **asdict(skipped))
    stored = store.accounts.by_stored_answers(plan)
    if stored.documents:
        yield SavingRecord(what="stored_answers", **asdict(stored))
    if job.spec.prompt.items_per_request > 1:
        yield from _packing(job, plan, shards, store)


def _packing(
    job: ResolvedJob, plan: Plan, shards: list[ShardRow], store: StateStore
) -> Iterator[SavingRecord]:
    """Calls that were not made, each with the instructions it would have carried."""
    fewer = store.accounts.company(plan)
    calls = tokens = 0
    prompt_tokens: dict[str, int] = {}
    for shard in shards:
        if shard.group not in prompt_tokens:
            template = RequestTemplate(job.for_group(shard.group))
            prompt_tokens[shard.group] = template.prompt_tokens
        calls += fewer.get(shard.shard, 0)
        tokens += fewer.get(shard.shard, 0) * prompt_tokens[shard.group]
    if calls > 0:
        cost = job.offer.rate.cost_usd(tokens, 0)
        yield SavingRecord(what="packing", calls=calls, tokens=tokens, cost_usd=cost)


def rates_used(
    job: ResolvedJob, figures: BatchFigures, asking_seconds: float
) -> Iterator[RateRecord]:
    """Each limit that the provider declares, and the part of it that this version used."""
    if asking_seconds < LEAST_SECONDS:
        return
    allowed = job.provider.limits
    limits = {
        "requests": (figures.calls, allowed.requests_per_minute),
        "tokens": (figures.tokens_in + figures.tokens_out, allowed.tokens_per_minute),
        "input tokens": (figures.tokens_in, allowed.input_tokens_per_minute),
        "output tokens": (figures.tokens_out, allowed.output_tokens_per_minute),
    }
    for of, (used, limit) in limits.items():
        if limit is not None:
            yield RateRecord(
                of=of, per_minute=used * 60.0 / asking_seconds, allowed_per_minute=float(limit)
            )
