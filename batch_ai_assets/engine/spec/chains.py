"""Chains: a job that reads another job's results takes over that job's batches.

Pure; the registry calls it once all its jobs are loaded one by one.
"""

from __future__ import annotations

from collections.abc import Mapping

from .base import class_rank
from .batches import BatchesSpec
from .resolved import ResolvedJob

Linked = tuple[dict[str, ResolvedJob], dict[str, str]]


def link_chains(jobs: Mapping[str, ResolvedJob], broken: frozenset[str]) -> Linked:
    """The jobs, with upstream and batches filled in; and (job → what is wrong) of the others.

    `broken` are jobs that did not load. An `input.asset` that is the name of no job is left as it
    is: then it is the key of some other Dagster asset.
    """
    linked: dict[str, ResolvedJob] = {}
    refused: dict[str, str] = {}
    for name in jobs:
        _link(name, jobs, broken, linked, refused, ())
    return linked, refused


def _link(
    name: str,
    jobs: Mapping[str, ResolvedJob],
    broken: frozenset[str],
    linked: dict[str, ResolvedJob],
    refused: dict[str, str],
    path: tuple[str, ...],
) -> None:
    if name in linked or name in refused:
        return
    job = jobs[name]
    source = job.spec.input.asset
    if source in broken:
        refused[name] = f"it reads the results of {source!r}, which is broken. Mend {source!r}."
        return
    if source is None or source not in jobs:
        linked[name] = job
        return
    if source in (*path, name):
        circle = " → ".join((*path, name, source))
        refused[name] = f"it waits for itself: {circle}. Take one of them out of the circle."
        return
    _link(source, jobs, broken, linked, refused, (*path, name))
    if source in refused:
        refused.setdefault(
            name, f"it reads the results of {source!r}, which is broken. Mend {source!r}."
        )
    elif name not in refused:
        message = _misfit(job, linked[source])
        if message:
            refused[name] = message
        else:
            linked[name] = _after(job, linked[source])


def _misfit(job: ResolvedJob, upstream: ResolvedJob) -> str:
    if job.spec.batches != BatchesSpec():
        return (
            f"it has batches of its own, but its documents come from {upstream.name!r}, whose"
            " batches it takes over. Remove batches."
        )
    above = class_rank(upstream.spec.data_classification)
    if above > class_rank(job.spec.data_classification):
        return (
            f"its documents are {upstream.spec.data_classification} results of"
            f" {upstream.name!r}, above its own data_classification"
            f" ({job.spec.data_classification}). Raise it."
        )
    return ""


def _after(job: ResolvedJob, upstream: ResolvedJob) -> ResolvedJob:
    spec = job.spec.model_copy(update={"batches": upstream.spec.batches})
    return job.model_copy(
        update={"spec": spec, "upstream": upstream.name, "partitions_of": upstream.partitions}
    )
