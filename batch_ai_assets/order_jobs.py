"""Jobs for the Launchpad by which a person pauses a batch, lets it go on, allows it more, or gives
it up.

They ask nothing: a run at work hears of it within a second, and the sensor `resumes` starts the run
of a batch that goes on. What an order does is `engine/ordering.py`'s.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import BatchAIError, OrderError
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.launchpad import launchpad_job
from batch_ai_assets.resources import ENGINE

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps


class OrderConfig(dg.Config):
    """Who orders, and of which batch."""

    batch: str = Field(description="The batch (partition).")
    who: str = Field(description="Who orders it; goes to the record.")
    why: str = Field(default="", description="Why; goes to the record.")


ORDERS = {
    "pause": "Stops a batch, with all that was answered, until it is told to go on. A run at work "
    "stops within seconds; calls in flight are kept.",
    "resume": "Lets a batch go on that was paused, halted or left to a person. The sensor "
    "`resumes` runs it then.",
    "cancel": "Gives a batch up: what is pending is never asked, and nothing is released. What was "
    "answered serves later batches.",
}


class ApprovalConfig(dg.Config):
    """Who allows a batch what; of the whole version, what is spent already included."""

    batch: str = Field(description="The batch (partition).")
    who: str = Field(description="Who allows it; goes to the record.")
    why: str = Field(description="Why; goes to the record.")
    limit_usd: float | None = Field(default=None, description="It may spend so much, USD.")
    limit_tokens: int | None = Field(default=None, description="It may use so many tokens.")
    deadline: str = Field(
        default="", description="It may take until then (UTC), such as 2026-11-30T09:00."
    )


def order_jobs(job: ResolvedJob) -> tuple[dg.JobDefinition, ...]:
    """`JOB__pause`, `JOB__resume`, `JOB__cancel` and `JOB__approve`."""
    return (*(_order_job(job, kind, words) for kind, words in ORDERS.items()), _approve_job(job))


def _order_job(job: ResolvedJob, kind: str, words: str) -> dg.JobDefinition:
    @dg.op(name=f"{job.name}__{kind}_op", required_resource_keys={ENGINE})
    def give(context: dg.OpExecutionContext, config: OrderConfig) -> None:
        try:
            said = carry_out(job, kind, config, context.run_id, context.resources.engine.deps)
        except BatchAIError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from unsaid(error)
        context.log.info(said)

    return launchpad_job(job, kind, give, words)


def _approve_job(job: ResolvedJob) -> dg.JobDefinition:
    @dg.op(name=f"{job.name}__approve_op", required_resource_keys={ENGINE})
    def allow(context: dg.OpExecutionContext, config: ApprovalConfig) -> None:
        try:
            said = carry_out_approval(job, config, context.resources.engine.deps)
        except BatchAIError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from unsaid(error)
        context.log.info(said)

    words = (
        "Allows a batch to spend more, or to take longer, than its job says: one that waits for "
        "it before its first call, or has halted at its budget. The sensor `resumes` runs it then."
    )
    return launchpad_job(job, "approve", allow, words)


def carry_out(
    job: ResolvedJob, kind: str, config: OrderConfig, run_id: str, deps: "Deps"
) -> str:
    """Give the order; what came of it, in words. Raises OrderError, StateError."""
    from batch_ai_assets.engine.deps import Run
    from batch_ai_assets.engine.order import OrderKind
    from batch_ai_assets.engine.ordering import order

    run = Run(run_id, config.who)
    return order(job, config.batch, OrderKind(kind), run, deps, why=config.why).said


def carry_out_approval(job: ResolvedJob, config: ApprovalConfig, deps: "Deps") -> str:
    """Record the approval; what it means, in words. Raises OrderError, StateError."""
    from batch_ai_assets.engine.approving import approve

    return approve(
        job, config.batch, deps, who=config.who, why=config.why, limit_usd=config.limit_usd,
        limit_tokens=config.limit_tokens, deadline_at=_instant(config.deadline),
    )  # fmt: skip


def _instant(said: str) -> float | None:
    """UTC seconds since the epoch. Raises OrderError."""
    if not said:
        return None
    try:
        return datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise OrderError(
            f"{said!r} is no moment; write it in UTC as 2026-11-30T09:00. Nothing was recorded."
        ) from None
