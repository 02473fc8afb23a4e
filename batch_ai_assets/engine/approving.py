"""What a person allows a batch beyond its job: more budget, a later deadline; append-only.

The sensor `resumes` lets a batch go on that waited for it; a run at work has it within a second.
"""

from __future__ import annotations

from .deps import Deps
from .errors import OrderError
from .spec.resolved import ResolvedJob


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
    if any(limit is not None and limit <= 0 for limit in (limit_usd, limit_tokens)):
        raise OrderError("A limit is above 0; to stop a batch, pause or cancel it.")
    state = deps.store.batches.state(job.name, batch)
    plan = deps.store.batches.latest_plan(job.name, batch)
    if state is None or plan is None:
        raise OrderError(f"Batch {name} is not planned yet: there is nothing to approve.")
    if state.finished:
        raise OrderError(f"Batch {name} is {state.value.replace('_', ' ')}: it needs no approval.")
    deps.store.approvals.add(
        plan, who=who, why=why, limit_usd=limit_usd, limit_tokens=limit_tokens,
        deadline_at=deadline_at,
    )  # fmt: skip
    spent = deps.store.budgets.version(plan)
    said = []
    if limit_usd is not None:
        said.append(f"up to {limit_usd:,.4f} USD ({spent.spent_usd:,.4f} are spent)")
    if limit_tokens is not None:
        said.append(f"up to {limit_tokens:,} tokens ({spent.spent_tokens:,} are used)")
    if deadline_at is not None:
        said.append("a later deadline")
    detail = f"{', '.join(said)}: {why}"
    deps.store.batches.note(who, "approve", job.name, batch, detail=detail)
    return f"{name}, version {plan.version}, may go on: {', '.join(said)}."
