"""Deciding: what people may decide about dead letters and answers in review.

A decision is recorded with who and why; the next version of the batch carries it out
(`planning/carried.py`). Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from .deps import Deps
from .errors import DecisionError
from .events import log_event
from .figures import End, counted
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.rows import Kind, Plan, Waiting
from .validation.answer import AnswerCheck

_CHUNK = 1000
_SHOWN = 5


def decide(
    job: ResolvedJob,
    batch: str,
    kind: Kind,
    deps: Deps,
    *,
    who: str,
    why: str,
    items: Sequence[str] = (),
    reason: str | None = None,
) -> int:
    """Record one decision about each of `items` (ids), or about all that wait for `reason`; with
    neither, about all that wait. How many there were.

    kind: REPLAY and DISCARD are about dead letters, ACCEPT and REJECT about answers in review.
    Raises DecisionError where the batch is not finished, the job has changed since, an item does
    not wait, or `why` is empty (an answer may be accepted without words).
    """
    plan = _decided_on(job, batch, deps)
    if not why.strip() and kind is not Kind.ACCEPT:
        what = "its root cause" if kind is Kind.REPLAY else "a reason"
        raise DecisionError(f"A decision to {kind} needs {what}, in words that others understand.")
    end = End.DEAD if kind in (Kind.REPLAY, Kind.DISCARD) else End.REVIEW
    chosen = _chosen(plan, end, deps, items, reason)
    for start in range(0, len(chosen), _CHUNK):
        part = chosen[start : start + _CHUNK]
        deps.store.decisions.add(plan, kind, part, who=who, why=why.strip())
    _log(plan, kind, len(chosen), who)
    return len(chosen)


def correct(
    job: ResolvedJob,
    batch: str,
    item: str,
    answer: dict[str, Any],
    deps: Deps,
    *,
    who: str,
    why: str,
) -> None:
    """Put a person's answer in the place of one in review. It must meet the job's schema and
    taxonomy: DecisionError says what does not."""
    plan = _decided_on(job, batch, deps)
    (waiting,) = _chosen(plan, End.REVIEW, deps, [item], None)
    content = orjson.dumps(answer)
    checked = AnswerCheck(frozen_job(plan, job)).check(content.decode())
    if checked.fields is None:
        raise DecisionError(
            f"The answer for {item!r} does not meet the output of {job.name}: {checked.detail}. "
            "Nothing was recorded."
        )
    sealed = deps.sealer.seal(content, waiting.request_hash)
    deps.store.decisions.add(
        plan, Kind.CORRECT, [waiting], who=who, why=why.strip(), corrected=sealed
    )
    _log(plan, Kind.CORRECT, 1, who)


def _decided_on(job: ResolvedJob, batch: str, deps: Deps) -> Plan:
    """The version that people look at: the newest one, which must be finished."""
    plan = deps.store.batches.latest_plan(job.name, batch)
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
            f"batch-ai run {job.name} --batch {batch} (batch-ai estimate says what that costs). "
            "Decide on what it leaves; or put the job back as it was."
        )
    return plan


def _chosen(
    plan: Plan, end: End, deps: Deps, items: Sequence[str], reason: str | None
) -> list[Waiting]:
    waiting = deps.store.decisions.waiting(plan, end)
    what = "a dead letter" if end is End.DEAD else "in review"
    name = f"{plan.job}/{plan.batch}"
    if items:
        known = {one.item_id: one for one in waiting}
        if strange := [item for item in items if item not in known]:
            shown = ", ".join(map(repr, strange[:_SHOWN]))
            more = f" and {len(strange) - _SHOWN:,} more" if len(strange) > _SHOWN else ""
            raise DecisionError(
                f"Not {what} of {name}: {shown}{more}. Nothing was recorded; "
                f"{_list(plan, end)} shows which there are."
            )
        chosen = [known[item] for item in dict.fromkeys(items)]
    else:
        chosen = waiting
    if reason is not None:
        chosen = [one for one in chosen if one.reason == reason]
    if not chosen:
        why = f" for {reason!r}" if reason else ""
        raise DecisionError(
            f"Nothing of {name} is {what}{why}. {_list(plan, end)} shows what there is."
        )
    return chosen


def _list(plan: Plan, end: End) -> str:
    group = "dlq" if end is End.DEAD else "review"
    return f"batch-ai {group} list {plan.job} {plan.batch}"


def _log(plan: Plan, kind: Kind, items: int, who: str) -> None:
    log_event(
        "decided", job=plan.job, batch=plan.batch, version=plan.version, kind=kind.value,
        items=items, who=who,
    )  # fmt: skip


def said_of(kind: Kind, count: int) -> str:
    """`3 documents will be asked about again.`"""
    some = counted(count, "document")
    be = {
        Kind.REPLAY: "will be asked about again",
        Kind.DISCARD: "given up",
        Kind.ACCEPT: "accepted",
        Kind.CORRECT: "corrected",
        Kind.REJECT: "rejected and given up",
    }
    return f"{some} {be[kind]}."
