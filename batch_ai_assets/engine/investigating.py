"""Investigating: what is known of a failure that is systematic, for whoever has to find its cause.

What was said of the documents comes from the run; here it is set beside the last batch that went
well. How it looks is `reporting/`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from .deps import Deps
from .errors import StorageError
from .figures import CommonMessage
from .reporting.completion import CompletionRecord, Investigation, MixShare
from .reporting.job_changes import job_changes
from .state.rows import Plan

_MOVED = 0.05
_TIERS = ((500, "below 500 tokens"), (2_000, "500 to 2,000 tokens"), (8_000, "2,000 to 8,000"))
_LARGEST = "8,000 tokens and more"


def investigate(plan: Plan, common: Sequence[CommonMessage], deps: Deps) -> Investigation | None:
    """None where nothing was systematic."""
    if not common:
        return None
    found = Investigation(common=tuple(common))
    kept = deps.store.batches.newest_records(plan.job, 1)
    good = _plan_of(CompletionRecord.from_json(kept[0]), deps) if kept else None
    if good is None:
        return found
    update = {
        "good_batch": good.batch,
        "good_version": good.version,
        "changes": job_changes(good.spec, plan.spec),
    }
    with suppress(StorageError):  # documents that are gone keep nobody from the rest
        update["mix"] = tuple(_moved(_mix(good, deps), _mix(plan, deps)))
    return found.model_copy(update=update)


def _plan_of(record: CompletionRecord, deps: Deps) -> Plan | None:
    newest = deps.store.batches.latest_plan(record.job, record.batch)
    if newest is None or newest.finished_at is not None:
        return newest
    return deps.store.batches.finished_before(newest)


def _mix(plan: Plan, deps: Deps) -> dict[tuple[str, str], float]:
    """(type or size, its name) → share of the documents."""
    counts: Counter[tuple[str, str]] = Counter()
    rows = 0
    for batch in deps.tables.open(plan.raw_path).scan(["type", "tokens"]):
        rows += batch.num_rows
        counts.update(("type", str(kind)) for kind in batch["type"].to_pylist())
        counts.update(("size", _tier(tokens)) for tokens in batch["tokens"].to_pylist())
    return {key: count / rows for key, count in counts.items()}


def _tier(tokens: int) -> str:
    return next((name for most, name in _TIERS if tokens < most), _LARGEST)


def _moved(
    before: dict[tuple[str, str], float], now: dict[tuple[str, str], float]
) -> Iterator[MixShare]:
    for of in ("type", "size"):
        for key in sorted(key for key in before.keys() | now.keys() if key[0] == of):
            share, was = now.get(key, 0.0), before.get(key, 0.0)
            if abs(share - was) >= _MOVED:
                yield MixShare(of=of, name=key[1], share=share, share_before=was)
