"""Which version of a batch a run works on: go on, do nothing, or plan the next one. Pure."""

from __future__ import annotations

from enum import StrEnum

from ..errors import SpecError
from ..spec.resolved import ResolvedJob
from ..state.rows import Plan


class Step(StrEnum):
    PLAN = "plan"
    """Plan a new version (the first, or the next after a finished one)."""
    RESUME = "resume"
    """Go on with the version that is not finished."""
    NOTHING = "nothing"
    """The version is finished and nothing that decides results has changed."""


def next_step(
    plan: Plan | None,
    spec_hash: str,
    mode: str,
    *,
    untouched: bool = False,
    decided: bool = False,
) -> Step:
    """Design section 5, "Frozen spec". `mode` is resume, reprocess, reread or fresh.

    An unfinished version goes on with its frozen spec. A corrected job counts at once only where
    nothing was asked yet (`untouched`: an unknown model, a schema that the model refuses), or
    where the next version is asked for. `decided`: people decided on items of a finished version;
    the next one carries it out.
    """
    if plan is None or plan.planned_at is None:
        return Step.PLAN
    changed = plan.spec_hash != spec_hash
    if plan.finished_at is None:
        anew = (changed and mode != "resume") or (untouched and (changed or mode == "reread"))
        return Step.PLAN if anew else Step.RESUME
    return Step.PLAN if changed or decided or mode != "resume" else Step.NOTHING


def frozen_job(plan: Plan, job: ResolvedJob) -> ResolvedJob:
    """The job as it was planned, with today's budget, deadline, priority, off-peak hours, limits,
    retries, items per request, address and price.

    What decides results stays frozen; what a person may change to get a batch going does not.
    """
    frozen = ResolvedJob.model_validate_json(plan.spec)
    today = job.spec
    spec = frozen.spec.model_copy(
        update={
            "budget": today.budget,
            "sla": today.sla,
            "priority": today.priority,
            "batches": frozen.spec.batches.model_copy(
                update={"off_peak": today.batches.off_peak, "timezone": today.batches.timezone}
            ),
            "limits": today.limits,
            "retry": today.retry,
            "thresholds": today.thresholds,
            "early_stop": today.early_stop,
            "prompt": frozen.spec.prompt.model_copy(
                update={"items_per_request": today.prompt.items_per_request}
            ),
        }
    )
    frozen = frozen.model_copy(update={"spec": spec})
    if today.model.provider != spec.model.provider:
        return frozen  # its documents go where they were planned to go, nowhere else
    if spec.data_classification not in job.provider.approved_classes:
        raise SpecError(
            f"{job.folder}/job.yaml: this batch holds {spec.data_classification} documents, and "
            f"provider {spec.model.provider} is no longer approved for that class; approve it in "
            "providers.yaml, or run the batch with --reprocess on another provider"
        )
    name = frozen.spec.model.name
    models = dict(frozen.provider.models)
    if (offer := job.provider.models.get(name)) is not None:
        models[name] = models[name].model_copy(update={"price": offer.price})
    reached = frozen.provider.model_copy(
        update={
            "base_url": job.provider.base_url,
            "secret": job.provider.secret,
            "limits": job.provider.limits,
            "models": models,
        }
    )
    return frozen.model_copy(update={"provider": reached})
