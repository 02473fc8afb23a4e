"""Reviews: answers of a finished batch that wait for a person, opened for one who looks.

An answer is opened when it is looked at, and no other: a damaged one is in nobody's way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from .deps import Deps
from .errors import SealError
from .figures import End
from .planning.versions import frozen_job
from .sealing import document_context
from .spec.resolved import ResolvedJob
from .state.rows import Decision, KeptAnswer, Kind, Waiting
from .tables import RowReader
from .validation.columns import output_columns


@dataclass(frozen=True, slots=True)
class Review:
    """An answer that waits."""

    item_id: str
    seq: int
    reason: str
    confidence: float | None
    """The model's."""
    answer: Mapping[str, Any] = field(default_factory=dict)
    """As it stands: the model's, or that of a person who has corrected it since."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """By the job's output columns."""
    decided: str = ""
    """What was decided since, and by whom; empty where nobody did."""
    trouble: str = ""
    """Why the answer cannot be shown."""


class Reviews:
    """What waits in the newest version of a batch, the least sure answer first."""

    def __init__(self, job: ResolvedJob, batch: str, deps: Deps) -> None:
        self._deps = deps
        self._waiting: list[Waiting] = []
        self._decided: dict[int, Decision] = {}
        plan = deps.store.batches.latest_plan(job.name, batch)
        if plan is None:
            return
        self._columns = [column.name for column in output_columns(frozen_job(plan, job))]
        self._decided = {one.seq: one for one in deps.store.decisions.open(plan)}
        self._waiting = sorted(
            deps.store.decisions.waiting(plan, End.REVIEW),
            key=lambda one: -1.0 if one.confidence is None else one.confidence,
        )

    def __len__(self) -> int:
        return len(self._waiting)

    def first(self, most: int | None = None) -> list[Review]:
        """The first of them, opened; all where `most` is not given."""
        return [self._opened(one) for one in self._waiting[:most]]

    def of(self, item_id: str) -> Review | None:
        """That of one document, opened; None where it is not in review."""
        found = next((one for one in self._waiting if one.item_id == item_id), None)
        return None if found is None else self._opened(found)

    def _opened(self, one: Waiting) -> Review:
        decision = self._decided.get(one.seq)
        said = f"{decision.kind} by {decision.who}" if decision is not None else ""
        known = (one.item_id, one.seq, one.reason, one.confidence)
        try:
            kept = self._kept(one, decision)
            answer = orjson.loads(self._deps.sealer.open(kept.sealed, kept.request_hash))
        except SealError as error:
            trouble = f"The stored answer for {one.item_id!r} does not open. {error}"
            return Review(*known, decided=said, trouble=trouble)
        fields = {name: answer.get(name) for name in self._columns}
        return Review(*known, answer, fields, said)

    def _kept(self, one: Waiting, decision: Decision | None) -> KeptAnswer:
        answers = self._deps.store.answers
        if decision is not None and decision.kind is Kind.CORRECT:
            return answers.kept([one.request_hash])[one.request_hash]
        assert one.answer_id is not None, "what is in review was answered"
        return answers.by_id(one.answer_id)


def reviews(job: ResolvedJob, batch: str, deps: Deps) -> list[Review]:
    """All that waits in the newest version of the batch, opened, the least sure answer first."""
    return Reviews(job, batch, deps).first()


def opened(job: ResolvedJob, batch: str, one: Review, deps: Deps) -> bytes:
    """The document. Whoever asks has recorded who looks."""
    plan = deps.store.batches.latest_plan(job.name, batch)
    assert plan is not None
    sealed = RowReader(deps.tables.open(plan.raw_path), ["sealed"]).take([one.seq])["sealed"]
    context = document_context(job.name, batch, one.item_id)
    try:
        return deps.sealer.open(sealed[0].as_py(), context)
    except SealError as error:
        raise SealError(f"The document {one.item_id!r} does not open. {error}") from error
