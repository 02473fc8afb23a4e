"""A job of one step for the Launchpad, by which a person says something about a batch.

What is said, and what comes of it, is in the step: `decision_jobs.py`, `order_jobs.py`.
"""

from __future__ import annotations

import dagster as dg

from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.run_tags import run_tags


def launchpad_job(
    job: ResolvedJob, name: str, step: dg.OpDefinition, description: str
) -> dg.JobDefinition:
    """`JOB__name`."""

    @dg.job(
        name=f"{job.name}__{name}",
        description=description,
        tags=run_tags(job.spec),
        executor_def=dg.in_process_executor,
    )
    def graph() -> None:
        step()

    return graph
