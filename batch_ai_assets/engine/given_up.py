"""Given up: documents of a batch that people gave up, so that they can be seen and taken back.

A decision gives a document up; the next version of the batch has it among the discarded ones, and
every later one while it is the same. Deciding is `deciding.py`'s.
"""

from __future__ import annotations

from .deps import Deps
from .state.rows import GIVES_UP, Decision, Plan, Waiting


def given_up(job: str, batch: str | None, deps: Deps) -> list[Decision]:
    """The decisions, oldest first, by which documents of the batch, or of every batch of the job,
    are given up now, or will be in the next version."""
    found: list[Decision] = []
    for name in deps.store.decisions.batches(job) if batch is None else [batch]:
        plan = deps.store.batches.latest_plan(job, name)
        if plan is None:
            continue
        gone = deps.store.items.discarded(plan)
        last = {one.item_id: one for one in deps.store.decisions.of(job, name)}
        found += [
            one
            for one in last.values()
            if one.kind in GIVES_UP and (one.item_id in gone or one.version == plan.version)
        ]
    return sorted(found, key=lambda one: one.at)


def may_be_taken_back(plan: Plan, deps: Deps) -> list[Waiting]:
    """Documents that the version has given up, as if they waited still."""
    gone = deps.store.items.discarded(plan)
    if not gone:
        return []
    last = {one.item_id: one for one in deps.store.decisions.of(plan.job, plan.batch)}
    return [
        Waiting(seq, item_id, last[item_id].request_hash, last[item_id].reason, None)
        for item_id, seq in gone.items()
        if item_id in last
    ]
