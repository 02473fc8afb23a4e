"""Chains: a job that reads another job's results takes over that job's batches.

Pure; the registry calls it once all its jobs are loaded one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .base import class_rank
from .batches import BatchesSpec
from .resolved import ResolvedJob
from .yaml_file import Where

Misfit = tuple[Where, str]
"""The place in the job file, and what is wrong there."""
Judge = Callable[[ResolvedJob, ResolvedJob], Iterable[Misfit]]
_ASSET: Where = ("input", "asset")


def link_chains(
    jobs: Mapping[str, ResolvedJob], broken: frozenset[str], columns: Judge
) -> tuple[dict[str, ResolvedJob], dict[str, tuple[Misfit, ...]]]:
    """The jobs, with upstream and batches filled in; and (job → what is wrong) of the others.

    `broken` are jobs that did not load; `columns` judges what a job reads of its upstream. An
    `input.asset` that is the name of no job is left as it is: then it is the key of some other
    Dagster asset.
    """
    chains = _Chains(jobs, broken, columns)
    for name in jobs:
        chains.link(name, ())
    return chains.linked, chains.refused


class _Chains:
    """Jobs on their way to being linked, each after the one that it reads."""

    def __init__(
        self, jobs: Mapping[str, ResolvedJob], broken: frozenset[str], columns: Judge
    ) -> None:
        self._jobs = jobs
        self._broken = broken
        self._columns = columns
        self.linked: dict[str, ResolvedJob] = {}
        self.refused: dict[str, tuple[Misfit, ...]] = {}

    def link(self, name: str, path: tuple[str, ...]) -> None:
        if name in self.linked or name in self.refused:
            return
        job = self._jobs[name]
        source = job.spec.input.asset
        if source in self._broken:
            self._refuse_after(name, source)
            return
        if source is None or source not in self._jobs:
            self.linked[name] = job
            return
        if source in (*path, name):
            circle = " → ".join((*path, name, source))
            said = f"it waits for itself: {circle}. Take one of them out of the circle."
            self.refused[name] = ((_ASSET, said),)
            return
        self.link(source, (*path, name))
        if name in self.refused:
            return
        if source in self.refused:
            self._refuse_after(name, source)
            return
        upstream = self.linked[source]
        said = _misfit(job, upstream)
        found = ((_ASSET, said),) if said else tuple(self._columns(job, upstream))
        if found:
            self.refused[name] = found
        else:
            self.linked[name] = _after(job, upstream)

    def _refuse_after(self, name: str, source: str | None) -> None:
        said = f"it reads the results of {source!r}, which is broken. Mend {source!r}."
        self.refused[name] = ((_ASSET, said),)


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
