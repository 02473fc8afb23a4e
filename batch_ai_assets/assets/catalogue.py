"""What the catalogue says of each asset of a job: words for a data steward, owner, tags.

Texts and static facts only. Columns are in `columns.py`, the job at a glance in `overview.py`, what
a run measured in `figures.py`, what an asset does in the modules named after the stages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import dagster as dg

from batch_ai_assets.assets.columns import table_metadata
from batch_ai_assets.assets.overview import job_overview
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.partitions import batch_partitions
from batch_ai_assets.resources import ENGINE, REPORTS, TABLES
from batch_ai_assets.run_tags import JOB

AssetName = Literal[
    "raw_inputs", "work_plan", "enriched_outputs", "validation_report",
    "results", "dead_letter_queue", "review_queue", "completion_report",
]  # fmt: skip

NO_TAG_CHARACTERS = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One asset as every job has it. `{job}` and `{purpose}` are filled into the text."""

    text: str
    after: tuple[AssetName, ...]
    kinds: frozenset[str]
    storage: str = TABLES


WITH_OVERVIEW: tuple[AssetName, ...] = ("results", "completion_report")
"""Assets that carry the overview of the whole job: the pages that people open first."""

CATALOGUE: Mapping[AssetName, Entry] = {
    "raw_inputs": Entry(
        "The documents of a batch exactly as they were read and cleaned, one row each, with a "
        "fingerprint of the content. Everything later (replay, review, audit) reads this copy, "
        "never the source again. A document that cannot be read is listed too, with the reason.\n\n"
        "Purpose of the job: {purpose}",
        (),
        frozenset({"parquet"}),
    ),
    "work_plan": Entry(
        "What will be asked of the model, and what need not be: documents that are unchanged "
        "since their last released result are skipped. From here on the job file is frozen for "
        "this version of the batch, so that a later edit cannot change half of it.",
        ("raw_inputs",),
        frozenset({"parquet"}),
    ),
    "enriched_outputs": Entry(
        "The model's answers, one row per answered document, before anybody has judged them. Do "
        "not build on this table: read `results`. Every answer is paid for once; a run that is "
        "stopped and started again goes on where it was.",
        ("work_plan",),
        frozenset({"parquet", "llm"}),
    ),
    "validation_report": Entry(
        "The verdict on every document: valid, waiting for a person, or dead with its reason. "
        "The checks on this asset decide whether the batch may be released.",
        ("enriched_outputs",),
        frozenset({"parquet", "duckdb"}),
    ),
    "results": Entry(
        "The released rows of {job}: valid, complete with their lineage, and the only table that "
        "downstream teams read. A new version never overwrites an old one; `_current.json` names "
        "the released one.\n\nPurpose of the job: {purpose}",
        ("validation_report",),
        frozenset({"parquet"}),
    ),
    "dead_letter_queue": Entry(
        "Every document that got no usable answer, with the reason, how often it was tried and "
        "when. Nothing is ever dropped: who asks why a document is missing from the results "
        "finds it here. The document itself is sealed; `batch-ai dlq show` opens it on demand "
        "and records who did.",
        ("validation_report",),
        frozenset({"parquet"}),
    ),
    "review_queue": Entry(
        "Documents whose answer was valid but not sure enough: they wait for a person and are "
        "not among the results until then.",
        ("validation_report",),
        frozenset({"parquet"}),
    ),
    "completion_report": Entry(
        "The audit record of the batch: where every document ended, what it cost, how long it "
        "took against the agreed time, which checks passed, and what a person does now. Written "
        "however the batch ends, also when it is halted or interrupted.\n\n"
        "Purpose of the job: {purpose}",
        ("validation_report", "results"),
        frozenset({"json", "html"}),
        REPORTS,
    ),
}


def asset_key(job: ResolvedJob, name: AssetName) -> dg.AssetKey:
    return dg.AssetKey([job.name, name])


def entry(job: ResolvedJob, name: AssetName) -> dict[str, Any]:
    """The keyword arguments of `@dg.asset` that describe this asset; its inputs are not in it."""
    said = CATALOGUE[name]
    return {
        "name": name,
        "key_prefix": job.name,
        "group_name": job.name,
        "partitions_def": batch_partitions(job),
        "description": _description(job, name),
        "owners": [job.spec.owner],
        "kinds": set(said.kinds),
        "tags": steward_tags(job),
        "code_version": job.spec_hash()[:16],
        "metadata": _metadata(job, name),
        "io_manager_key": said.storage,
        "required_resource_keys": {ENGINE},
    }


def _description(job: ResolvedJob, name: AssetName) -> str:
    text = CATALOGUE[name].text.format(job=job.name, purpose=job.spec.purpose)
    return f"{text}\n\n{job_overview(job)}" if name in WITH_OVERVIEW else text


def steward_tags(job: ResolvedJob) -> dict[str, str]:
    """What people filter by; the job's own tags included, in the characters a tag may have."""
    spec = job.spec
    tags = {
        **spec.tags,
        "data_classification": spec.data_classification,
        "residency": spec.residency,
        "cadence": spec.batches.cadence,
        "provider": spec.model.provider,
        "model": spec.model.name,
    }
    own = {_slug(key): _slug(value) for key, value in tags.items() if _slug(key)}
    return {**own, JOB: job.name}  # as on the job's runs; no tag of a job file has a slash


def _slug(text: str) -> str:
    return NO_TAG_CHARACTERS.sub("-", text).strip("-")[:63]


def _metadata(job: ResolvedJob, name: AssetName) -> dict[str, Any]:
    spec = job.spec
    return {
        "job_file": dg.MetadataValue.path(f"{job.folder}/job.yaml"),
        "data_class": spec.data_classification,
        "provider": spec.model.provider,
        "model": spec.model.name,
        "model_version": job.model_version,
        "prompt_version": spec.prompt.version,
        "schema_version": spec.output.version,
        "consumers": ", ".join(spec.consumers) or "none named",
        **table_metadata(job, name),
    }
