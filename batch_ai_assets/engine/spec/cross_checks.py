"""What a job must satisfy beyond the shape of its file: its parts must fit each other.

Each check yields `(path in job.yaml, what is wrong and what would be right)`. Nothing is read
here. A check refuses only what cannot work or must not happen; taste is left to the job's owner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

from .input_checks import check_input
from .job import JobSpec
from .problems import did_you_mean, one_of
from .property_type import property_type
from .provider import ProviderSpec
from .schema_checks import check_output
from .yaml_file import Where

Finding: TypeAlias = tuple[Where, str]

_ORDERED = frozenset({"number", "integer", "boolean"})
"""Types of fields that have a largest value."""


def check_spec(spec: JobSpec, folder_name: str) -> Iterator[Finding]:
    """Everything that the job file alone can tell."""
    if spec.job != folder_name:
        yield (
            ("job",),
            f"{spec.job!r} is not the name of its folder, {folder_name!r}. Make them the same."
            " A job keeps its name for ever: its tables and its history are found by it.",
        )
    yield from check_input(spec)
    yield from _check_groups(spec)
    yield from _check_rules(spec)
    yield from check_output(spec.output)
    yield from _check_merge(spec)
    yield from _check_together(spec)
    yield from _check_evaluation(spec)
    yield from _check_thresholds(spec)


def check_provider(spec: JobSpec, provider: ProviderSpec) -> Iterator[Finding]:
    """Whether the provider may and can do this job."""
    name = spec.model.provider
    if spec.data_classification not in provider.approved_classes:
        yield (
            ("data_classification",),
            f"provider {name!r} is not approved for {spec.data_classification} documents, only"
            f" for {one_of(provider.approved_classes)}. Use an approved provider; the approval"
            " itself is a decision of its owner, in providers.yaml (approved_classes).",
        )
    if not provider.satisfies(spec.residency):
        yield (
            ("residency",),
            f"documents must stay in {spec.residency!r}, but provider {name!r} works in"
            f" {provider.region!r}. Use a provider of that region.",
        )
    offer = provider.models.get(spec.model.name)
    if offer is None:
        yield (
            ("model", "name"),
            f"provider {name!r} has no model {spec.model.name!r}."
            f"{did_you_mean(spec.model.name, provider.models)}"
            f" It has: {one_of(provider.models)}. A new model needs its price in providers.yaml.",
        )
        return
    room = offer.context_tokens - spec.model.parameters.max_tokens
    if room <= 0:
        yield (
            ("model", "parameters", "max_tokens"),
            f"{spec.model.parameters.max_tokens} leaves no room for a document: the model takes"
            f" {offer.context_tokens} tokens, answer included. Write what an answer needs.",
        )
    elif spec.chunks.overlap_tokens > room // 2:
        yield (
            ("chunks", "overlap_tokens"),
            f"{spec.chunks.overlap_tokens} is more than half of a part: the model takes {room}"
            " tokens beside the answer, and the prompt is among them. Write a smaller number.",
        )
    yield from _check_budget(spec, free=offer.price == "free")


def _check_budget(spec: JobSpec, *, free: bool) -> Iterator[Finding]:
    if free and spec.budget.limit_tokens is None:
        yield (
            ("budget",),
            f"{spec.model.name!r} is free, so limit_usd never stops it. Set limit_tokens.",
        )
    if not free and spec.budget.limit_usd is None:
        yield ("budget",), f"{spec.model.name!r} costs money. Set limit_usd."


def _check_rules(spec: JobSpec) -> Iterator[Finding]:
    counts = Counter(rule.name for rule in spec.rules)
    for place, rule in enumerate(spec.rules):
        if counts[rule.name] > 1 and rule.name in {other.name for other in spec.rules[:place]}:
            yield (
                ("rules", place, "name"),
                f"{rule.name!r} is the name of another rule too. Give each rule its own name:"
                " dead letters name the rule that failed.",
            )


def _check_groups(spec: JobSpec) -> Iterator[Finding]:
    for place, group in enumerate(spec.groups):
        if group.name in {other.name for other in spec.groups[:place]}:
            yield (
                ("groups", place, "name"),
                f"{group.name!r} is the name of another group too. Give each its own name.",
            )
        if (group.since or group.before) and spec.input.has_rows and not spec.input.updated_at:
            yield (
                ("groups", place),
                "a group by time needs the date of each row. Name its column in input.updated_at.",
            )


def _check_merge(spec: JobSpec) -> Iterator[Finding]:
    properties = spec.output.json_schema.get("properties")
    if not isinstance(properties, dict):
        return  # said by the checks of the output
    for field, rule in spec.chunks.merge.items():
        where = ("chunks", "merge", field)
        if field not in properties:
            yield (
                where,
                f"the answer has no field {field!r}.{did_you_mean(field, properties)}"
                f" It has: {one_of(properties)}.",
            )
        elif rule == "max" and property_type(properties[field]) not in _ORDERED:
            yield (
                where,
                f"the field {field!r} is neither a number nor true or false, so none of its values"
                " is the largest. Write majority or weighted.",
            )


def _check_together(spec: JobSpec) -> Iterator[Finding]:
    if spec.prompt.items_per_request > 1 and "id" in spec.output.property_names():
        yield (
            ("prompt", "items_per_request"),
            "documents that share a request are answered by an id of ours, so the answer cannot"
            " have a field 'id'. Give the field in output.schema another name, or ask one"
            " document a request.",
        )


def _check_evaluation(spec: JobSpec) -> Iterator[Finding]:
    if spec.evaluation is None:
        return
    fields = spec.output.property_names()
    if spec.evaluation.field not in fields:
        yield (
            ("evaluation", "field"),
            f"the answer has no field {spec.evaluation.field!r}."
            f"{did_you_mean(spec.evaluation.field, fields)} It has: {one_of(fields)}.",
        )
    for key in ("truth", "cohort"):
        attribute = getattr(spec.evaluation, key)
        if attribute is not None and attribute not in spec.input.attributes:
            yield (
                ("evaluation", key),
                f"{attribute!r} is not read from the input."
                f"{did_you_mean(attribute, spec.input.attributes)}"
                " Add it to input.attributes (format: jsonl).",
            )


def _check_thresholds(spec: JobSpec) -> Iterator[Finding]:
    bars = spec.thresholds
    if bars.failure_rate_warn > bars.failure_rate_error:
        yield (
            ("thresholds", "failure_rate_warn"),
            f"{bars.failure_rate_warn:g} lies above failure_rate_error"
            f" ({bars.failure_rate_error:g}), so it would never warn. Lower it.",
        )
    if spec.retry.base_seconds > spec.retry.max_seconds:
        yield (
            ("retry", "base_seconds"),
            f"{spec.retry.base_seconds:g} lies above max_seconds"
            f" ({spec.retry.max_seconds:g}). Lower it.",
        )
