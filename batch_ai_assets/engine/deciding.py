"""Deciding: what people may decide about dead letters and answers in review.

A decision is recorded with who and why; the next version of the batch carries it out
(`planning/carried.py`). Which documents it is about is `choosing.py`'s, and what an answer must
meet that a person writes `correcting.py`'s. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from .choosing import Choice, choose, choose_named
from .deps import Deps
from .errors import DecisionError
from .events import log_event
from .figures import End, counted
from .given_up import may_be_taken_back
from .spec.resolved import ResolvedJob
from .state.rows import Kind, Plan

_SHOWN = 5
_DONE = {
    Kind.REPLAY: "will be asked about again",
    Kind.DISCARD: "given up",
    Kind.ACCEPT: "accepted",
    Kind.CORRECT: "corrected",
    Kind.REJECT: "rejected and given up",
}


@dataclass(frozen=True, slots=True)
class Decided:
    """What was recorded, and what a person should know of it."""

    kind: Kind
    choice: Choice

    @property
    def count(self) -> int:
        """Documents that were meant."""
        return len(self.choice.chosen)

    @property
    def said(self) -> str:
        """`3 documents will be asked about again.`, and what else follows from it."""
        choice = self.choice
        said = f"{counted(self.count, 'document')} {_DONE[self.kind]}."
        if choice.twins:
            alike = counted(len(choice.twins), "document")
            said += f" So it is with {alike} of the same text: "
            said += f"{_some([one.item_id for one in choice.twins])}."
        if choice.replaced:
            before = [f"{one.item_id} ({one.kind} by {one.who})" for one in choice.replaced]
            said += f" It takes the place of what was decided before: {_some(before)}."
        if choice.left_alone:
            were = "was" if choice.left_alone == 1 else "were"
            said += (
                f" {counted(choice.left_alone, 'document')} {were} decided already: left alone; "
                "whoever names an id decides anew."
            )
        return said


def decide(
    job: ResolvedJob,
    batch: str,
    kind: Kind,
    deps: Deps,
    *,
    who: str,
    why: str,
    items: Sequence[str] = (),
    reasons: Sequence[str] = (),
) -> Decided:
    """Record one decision about each of `items` (ids), or about all that wait for one of
    `reasons`; with neither, about all that wait. Only who names an id decides anew on what is
    decided already.

    kind: REPLAY and DISCARD are about dead letters, ACCEPT and REJECT about answers in review.
    REPLAY of a document that was given up takes that back. Raises DecisionError where the batch is
    not finished, the job has changed since, an item does not wait, nobody is named, or `why` is
    empty (an answer may be accepted without words).
    """
    plan = version_to_decide_on(job, batch, deps)
    prove_words(kind, who, why)
    store = deps.store.decisions
    end = End.DEAD if kind in (Kind.REPLAY, Kind.DISCARD) else End.REVIEW
    waiting, before = store.waiting(plan, end), store.open(plan)
    if items:
        if end is End.DEAD:
            waiting += may_be_taken_back(plan, deps)
        choice = choose_named(
            plan, end, waiting, before, items, partial(deps.store.items.ends_of, plan)
        )
    else:
        choice = choose(plan, end, waiting, before, reasons)
    store.add(plan, kind, choice.all, who=who.strip(), why=why.strip())
    log_decided(plan, kind, len(choice.all), who)
    return Decided(kind, choice)


def version_to_decide_on(job: ResolvedJob, batch: str, deps: Deps) -> Plan:
    """The version that people look at: the newest one, which must be finished."""
    plan = deps.store.batches.latest_plan(job.name, batch)
    if plan is None and (state := deps.store.batches.state(job.name, batch)) is not None:
        raise DecisionError(
            f"Batch {job.name}/{batch} is {state}, and nothing of it has an end yet: decide when "
            f"it is finished (batch-ai status {job.name})."
        )
    if plan is None:
        raise DecisionError(
            f"There is no batch {job.name}/{batch}. `batch-ai status {job.name}` lists those that "
            "there are."
        )
    if plan.finished_at is None:
        raise DecisionError(
            f"Batch {job.name}/{batch} is not finished (version {plan.version}): run it to its end "
            f"first (batch-ai run {job.name} --batch {batch})."
        )
    if plan.spec_hash != job.spec_hash():
        raise DecisionError(
            f"The job {job.name} has changed since version {plan.version} of {batch} was made, so "
            "its next version asks every document whose question has changed, dead ones as well: "
            f"batch-ai run {job.name} --batch {batch}. Decide on what it leaves; or put the job "
            "back as it was, decide, and edit it then."
        )
    return plan


def prove_words(kind: Kind, who: str, why: str) -> None:
    """DecisionError where a record would not say who decided, or why."""
    if not who.strip():
        raise DecisionError(f"A decision to {kind} needs the name of who decides.")
    if not why.strip() and kind is not Kind.ACCEPT:
        what = "its root cause" if kind is Kind.REPLAY else "a reason"
        raise DecisionError(f"A decision to {kind} needs {what}, in words that others understand.")


def log_decided(plan: Plan, kind: Kind, items: int, who: str) -> None:
    log_event(
        "decided", job=plan.job, batch=plan.batch, version=plan.version, kind=kind.value,
        items=items, who=who,
    )  # fmt: skip


def _some(names: Sequence[str]) -> str:
    """The first of them."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
