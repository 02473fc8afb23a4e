"""Reviews: answers of a finished batch that wait for a person, opened for one who looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from .deps import Deps
from .figures import End
from .planning.versions import frozen_job
from .sealing import document_context
from .spec.resolved import ResolvedJob
from .state.rows import Waiting
from .tables import RowReader
from .validation.columns import output_columns


@dataclass(frozen=True, slots=True)
class Review:
    """An answer that waits."""

    item_id: str
    seq: int
    reason: str
    confidence: float | None
    answer: Mapping[str, Any]
    """As the model gave it."""
    fields: Mapping[str, Any]
    """By the job's output columns."""
    decided: str
    """What was decided since, and by whom; empty where nobody did."""


def reviews(job: ResolvedJob, batch: str, deps: Deps) -> list[Review]:
    """What waits in the newest version of the batch, the least sure answer first."""
    plan = deps.store.batches.latest_plan(job.name, batch)
    if plan is None:
        return []
    frozen = frozen_job(plan, job)
    names = [column.name for column in output_columns(frozen)]
    decided = {one.seq: f"{one.kind} by {one.who}" for one in deps.store.decisions.open(plan)}
    found = []
    for one in deps.store.decisions.waiting(plan, End.REVIEW):
        answer, confidence = _answer(one, deps)
        found.append(
            Review(
                one.item_id, one.seq, one.reason, confidence, answer,
                {name: answer.get(name) for name in names}, decided.get(one.seq, ""),
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: -1.0 if one.confidence is None else one.confidence)


def opened(job: ResolvedJob, batch: str, one: Review, deps: Deps) -> bytes:
    """The document. Whoever asks has recorded who looks."""
    plan = deps.store.batches.latest_plan(job.name, batch)
    assert plan is not None
    sealed = RowReader(deps.tables.open(plan.raw_path), ["sealed"]).take([one.seq])["sealed"]
    context = document_context(job.name, batch, one.item_id)
    return deps.sealer.open(sealed[0].as_py(), context)


def _answer(one: Waiting, deps: Deps) -> tuple[dict[str, Any], float | None]:
    assert one.answer_id is not None, "what is in review was answered"
    kept = deps.store.answers.by_id(one.answer_id)
    return orjson.loads(deps.sealer.open(kept.sealed, kept.request_hash)), kept.confidence
