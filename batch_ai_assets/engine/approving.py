"""What a person allows a batch beyond its job: more budget, a later deadline; append-only.

The sensor `resumes` lets a batch go on that waited for it; a run at work has it within a second.
"""

from __future__ import annotations

from .control.wording import moment
from .deps import Deps
from .errors import OrderError
from .spec.resolved import ResolvedJob

_MOST = 10**12
"""Nobody means more, of USD or of tokens: it would be no limit."""


def approve(
    job: ResolvedJob,
    batch: str,
    deps: Deps,
    *,
    who: str,
    why: str,
    limit_usd: float | None = None,
    limit_tokens: int | None = None,
    deadline_at: float | None = None,
) -> str:
    """Record the approval for the newest version of the batch; what it means, in words.

    Raises OrderError where nothing is approved, or the batch cannot use it.
    """
    name = f"{job.name}/{batch}"
    if limit_usd is None and limit_tokens is None and deadline_at is None:
        raise OrderError("Nothing is approved: say a limit in USD or tokens, or a deadline.")
    if not why.strip():
        raise OrderError("Say why it is approved: an approval is read later.")
    for limit in (limit_usd, limit_tokens):
        if limit is not None and not 0 < limit <= _MOST:  # what is no number is neither
            raise OrderError(
                f"A limit is above 0, and at most {_MOST:,}; to stop a batch, pause or cancel it."
            )
    if deadline_at is not None and deadline_at <= deps.store.clock():
        raise OrderError(f"{moment(deadline_at)} is past: a batch may take until a later moment.")
    state = deps.store.batches.state(job.name, batch)
    plan = deps.store.batches.latest_plan(job.name, batch)
    if state is None or plan is None:
        raise OrderError(f"Batch {name} is not planned yet: there is nothing to approve.")
    if state.finished:
        raise OrderError(f"Batch {name} is {state.value.replace('_', ' ')}: it needs no approval.")
    spent = deps.store.budgets.version(plan)
    if limit_usd is not None and limit_usd <= spent.spent_usd:
        raise OrderError(_too_little(name, f"{spent.spent_usd:,.4f} USD are spent"))
    if limit_tokens is not None and limit_tokens <= spent.spent_tokens:
        raise OrderError(_too_little(name, f"{spent.spent_tokens:,} tokens are used"))
    deps.store.approvals.add(
        plan, who=who, why=why, limit_usd=limit_usd, limit_tokens=limit_tokens,
        deadline_at=deadline_at,
    )  # fmt: skip
    said = []
    if limit_usd is not None:
        said.append(f"up to {limit_usd:,.4f} USD ({spent.spent_usd:,.4f} are spent)")
    if limit_tokens is not None:
        said.append(f"up to {limit_tokens:,} tokens ({spent.spent_tokens:,} are used)")
    if deadline_at is not None:
        said.append(f"until {moment(deadline_at)}")
    detail = f"{', '.join(said)}: {why}"
    deps.store.batches.note(who, "approve", job.name, batch, detail=detail)
    return f"{name}, version {plan.version}, may go on: {', '.join(said)}."


def _too_little(name: str, spent: str) -> str:
    return (
        f"Of {name}, {spent} already, and an approval is of all that it may: allow it more than "
        "that. To stop a batch, pause or cancel it."
    )
