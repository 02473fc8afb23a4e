"""Jobs for the Launchpad by which a person pauses a batch, lets it go on, or gives it up.

They ask nothing: a run at work hears of it within a second, and the sensor `resumes` starts the run
of a batch that goes on. What an order does is `engine/ordering.py`'s.
"""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import BatchAIError
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.run_tags import run_tags

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


def order_jobs(job: ResolvedJob) -> tuple[dg.JobDefinition, ...]:
    """`JOB__pause`, `JOB__resume` and `JOB__cancel`."""
    return tuple(_job(job, kind, words) for kind, words in ORDERS.items())


def _job(job: ResolvedJob, kind: str, words: str) -> dg.JobDefinition:
    @dg.op(name=f"{job.name}__{kind}_op", required_resource_keys={ENGINE})
    def give(context: dg.OpExecutionContext, config: OrderConfig) -> None:
        try:
            said = carry_out(job, kind, config, context.run_id, context.resources.engine.deps)
        except BatchAIError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from unsaid(error)
        context.log.info(said)

    @dg.job(
        name=f"{job.name}__{kind}",
        description=words,
        tags=run_tags(job.spec),
        executor_def=dg.in_process_executor,
    )
    def graph() -> None:
        give()

    return graph


def carry_out(
    job: ResolvedJob, kind: str, config: OrderConfig, run_id: str, deps: "Deps"
) -> str:
    """Give the order; what came of it, in words. Raises OrderError, StateError."""
    from batch_ai_assets.engine.deps import Run
    from batch_ai_assets.engine.ordering import order
    from batch_ai_assets.engine.state.orders import OrderKind

    run = Run(run_id, config.who)
    return order(job, config.batch, OrderKind(kind), run, deps, why=config.why).said
