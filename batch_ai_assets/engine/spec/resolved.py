"""ResolvedJob: a job with everything that is needed to run it, frozen into the state store.

A job file names a provider, a prompt file and an examples file; here they are filled in. What
belongs here: derived facts of one job (its output schema, its hash). Reading files is in
`registry.py`, judging them in `cross_checks.py`.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

from pydantic import Field

from .base import Model, NonEmpty
from .job import JobSpec
from .provider import ModelOffer, ProviderSpec

_NO_RESULT_DEPENDS_ON: dict[str, Any] = {
    "owner": True,
    "purpose": True,
    "residency": True,
    "batches": True,
    "priority": True,
    "shards": True,
    "input_quality": True,
    "input": {"settle", "mark", "priority"},
    "groups": {"__all__": {"concurrency": True, "prompt": {"file"}}},
    "retry": True,
    "limits": True,
    "budget": True,
    "sla": True,
    "thresholds": True,
    "early_stop": True,
    "retention": True,
    "consumers": True,
    "consumer_webhook": True,
    "tags": True,
    "prompt": {"file", "examples", "items_per_request"},
    "output": {"json_schema", "taxonomy"},
    "rules": {"__all__": {"description"}},
}
"""Left out of the hash. Names of files give way to their content, which is hashed instead."""


class Example(Model):
    """One solved document, sent as an earlier turn of the conversation."""

    text: NonEmpty
    output: dict[str, Any]
    """The right answer; it satisfies the job's output schema."""


class ResolvedJob(Model):
    """A job that passed every check, together with its provider, prompt and examples."""

    spec: JobSpec
    provider: ProviderSpec
    """The provider that `spec.model.provider` names."""
    prompt_text: str
    examples: tuple[Example, ...] = ()
    folder: str
    """Where `job.yaml` lies; relative input paths start here."""
    group_prompts: dict[str, str] = Field(default_factory=dict)
    """Instructions of the groups that have their own, by group."""
    calendar: tuple[str, ...] = ()
    """The lines of `batches.arrival.calendar`: days, `last_day`, `last_business_day`."""
    upstream: str | None = None
    """The job whose released results are the documents, where `input.asset` names a job."""
    partitions_of: str | None = None
    """The job at the head of the chain, whose batches this one takes over."""

    @property
    def name(self) -> str:
        return self.spec.job

    @property
    def offer(self) -> ModelOffer:
        """Price and context of the model that answers."""
        return self.provider.models[self.spec.model.name]

    @property
    def model_version(self) -> str:
        """The pinned version, or the model's name where none is pinned."""
        return self.spec.model.version or self.spec.model.name

    @property
    def partitions(self) -> str:
        """The job that names the batches: this one, unless it follows another."""
        return self.partitions_of or self.name

    def for_group(self, group: str) -> ResolvedJob:
        """The job as a group of its items is asked: with the group's own prompt, parameters,
        concurrency and policy in place of the job's. `rest` is the job itself."""
        found = next((one for one in self.spec.groups if one.name == group), None)
        if found is None:
            return self
        spec = self.spec
        parameters = found.parameters.model_dump(exclude_none=True) if found.parameters else {}
        changes: dict[str, Any] = {
            "model": spec.model.model_copy(
                update={"parameters": spec.model.parameters.model_copy(update=parameters)}
            ),
            "over_length": found.over_length or spec.over_length,
        }
        if found.prompt is not None:
            own = {"file": found.prompt.file, "version": found.prompt.version}
            changes["prompt"] = spec.prompt.model_copy(update=own)
        if found.concurrency is not None:
            own_limits = {"concurrency": found.concurrency, "most_concurrency": None}
            changes["limits"] = spec.limits.model_copy(update=own_limits)
        return self.model_copy(
            update={
                "spec": spec.model_copy(update=changes),
                "prompt_text": self.group_prompts.get(group, self.prompt_text),
            }
        )

    def output_schema(self) -> dict[str, Any]:
        """JSON Schema of one answer as the model gets it: the job's own, with its taxonomy.

        A taxonomy field gets an `enum` of its values, and in its `description` one line
        `- value: meaning` for each. No further properties are allowed; where the job does not
        say what is `required`, everything is. The caller may change the copy it gets.
        """
        schema = copy.deepcopy(self.spec.output.json_schema)
        properties = schema.setdefault("properties", {})
        for field, values in self.spec.output.taxonomy.items():
            described = properties[field]
            described["enum"] = list(values)
            lines = [f"\n- {value}: {meaning}" for value, meaning in values.items()]
            described["description"] = described.get("description", "") + "".join(lines)
        schema.setdefault("required", list(properties))
        schema["additionalProperties"] = False
        return schema

    def spec_hash(self) -> str:
        """sha256 (hex) over what decides results: a finished batch with this hash is done.

        Who owns the job, what it may cost and how fast it may go are not in it, neither is where
        the provider is reached. The order of keys does not count, with one exception: the order
        of the answer's properties, because a model writes its answer in that order.
        """
        decisive = {
            "spec": self.spec.model_dump(mode="json", exclude=_NO_RESULT_DEPENDS_ON),
            "output_schema": _canonical(self.output_schema()),
            "context_tokens": self.offer.context_tokens,
            "prompt": self.prompt_text,
            "group_prompts": self.group_prompts,
            "examples": [example.model_dump(mode="json") for example in self.examples],
        }
        text = json.dumps(decisive, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(schema: Any) -> Any:
    """The schema with every `properties` object as a list of pairs, so that its order counts."""
    if isinstance(schema, list):
        return [_canonical(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: [[name, _canonical(part)] for name, part in value.items()]
        if key == "properties" and isinstance(value, dict)
        else _canonical(value)
        for key, value in schema.items()
    }
