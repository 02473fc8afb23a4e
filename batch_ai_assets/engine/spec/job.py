"""JobSpec: everything one `job.yaml` may say. Shapes and single-field rules only.

Reading files and cross-checks against the provider registry are in `registry.py`.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from .base import DataClass, JobName, Model, NonEmpty, RuleName, SecretReference
from .batches import BatchesSpec
from .budget import BudgetSpec
from .chunks import ChunksSpec
from .early_stop import EarlyStopSpec
from .groups import GroupSpec, OverLength, ShardsSpec
from .input import InputSpec
from .input_quality import InputQualitySpec
from .priority import Priority
from .sla import SlaSpec
from .slo import SloSpec

__all__ = ["BudgetSpec", "JobSpec", "RuleSpec"]

_OWNER = re.compile(r"team:[\w.-]+|[A-Za-z0-9][\w.%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}", re.ASCII)
"""No wider than what Dagster takes as an owner: whatever else would fail the code location."""


class ModelParameters(Model):
    """Sampling parameters, sent as they are."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    """0 asks for the likeliest answer; more lets the model vary it."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Choose among the likeliest tokens that together have this probability."""
    seed: int | None = None
    """Makes answers repeatable where the provider supports it."""
    max_tokens: PositiveInt = 256
    """Always sent: it bounds the cost of a call. Not part of the request hash."""


class ModelSpec(Model):
    """Which model answers."""

    provider: NonEmpty
    """A name in `providers.yaml`."""
    name: NonEmpty
    """The provider's name of the model."""
    version: NonEmpty | None = None
    """Pinned version or snapshot; recorded on every row."""
    parameters: ModelParameters = ModelParameters()
    """Sampling parameters."""


class PromptSpec(Model):
    """The invariant part of every request."""

    file: NonEmpty = "prompt.md"
    """Instructions, beside `job.yaml`."""
    version: NonEmpty
    """The prompt's version, such as "1". Bump it with every change: it is a lineage column."""
    examples: NonEmpty | None = None
    """A YAML list of `{text, output}`, sent as earlier turns of the conversation."""
    items_per_request: PositiveInt = 1
    """So many documents at most go in one request, as far as the model's context has room: the
    instructions are paid once for all of them. Each is answered by its id; a request that comes
    to nothing is split. `max_tokens` is for each document."""


class ConfidenceSpec(Model):
    """Where an answer's confidence (0 to 1) comes from."""

    source: Literal["field", "logprob"] = Field(alias="from")
    """`field`: the answer says it itself; `logprob`: probability of the answered value's tokens."""
    field: NonEmpty
    """The output field that holds the confidence, or whose value's probability counts."""


class OutputSpec(Model):
    """What an answer must look like."""

    json_schema: dict[str, Any] = Field(alias="schema")
    """JSON Schema of one answer: an object with `properties`. All of them are required unless
    `required` lists some, and no others are allowed."""
    version: NonEmpty = "1"
    """Bump it with every change of the schema: it is a lineage column."""
    taxonomy: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Field -> approved value -> what the value means. Adds an `enum` to the schema."""
    confidence: ConfidenceSpec | None = None
    """How sure an answer is; without it no answer goes to review."""
    review_below: float | None = Field(default=None, ge=0, le=1)
    """An answer less confident than this waits for a person."""

    def property_names(self) -> tuple[str, ...]:
        """The fields of an answer, in the order of the schema."""
        return tuple(self.json_schema.get("properties", {}))


class RuleSpec(Model):
    """A business rule over one result row."""

    name: RuleName
    """Names the rule in dead letters and flags: lower-case letters, digits, underscores."""
    sql: NonEmpty
    """A SQL boolean expression; false or NULL fails the rule."""
    severity: Literal["error", "warn"] = "error"
    """`error`: the row ends dead as `rule:<name>`; `warn`: it stays valid with a flag."""
    description: str = ""
    """Why the rule is there, for people who read a dead letter."""


class RetrySpec(Model):
    """What happens to an item whose call failed for a passing reason."""

    max_attempts: PositiveInt = 3
    """Calls that end transient or invalid, before the item is dead. Throttling never counts."""
    base_seconds: PositiveFloat = 0.5
    """The first wait; it doubles with every attempt."""
    max_seconds: PositiveFloat = 30.0
    """The longest wait."""
    timeout_seconds: PositiveFloat = 60.0
    """A call without an answer after this long is given up; its cost counts as spent."""
    unreachable_seconds: PositiveFloat = 60.0
    """How long a run waits for a provider that is away before the batch pauses, items pending."""
    safe_window: str = Field(default="30m", pattern=r"^\d+(\.\d+)?[smh]$")
    """For example `30m`, `2h`: how long a provider may be away before it is an error, people are
    told again, and so is who reads the results. Where the deadline comes first, it counts."""

    @property
    def safe_seconds(self) -> float:
        return float(self.safe_window[:-1]) * {"s": 1, "m": 60, "h": 3600}[self.safe_window[-1]]


class LimitsSpec(Model):
    """The job's own ceiling, below the provider's."""

    concurrency: PositiveInt = 32
    """Calls in flight at once."""
    most_concurrency: PositiveInt | None = None
    """Calls in flight at once while the deadline is in danger. No figure: no more than else."""
    requests_per_minute: PositiveInt | None = None
    """No figure: the provider's limit alone."""
    tokens_per_minute: PositiveInt | None = None
    """Tokens sent and answered. No figure: the provider's limit alone."""

    @model_validator(mode="after")
    def _most_is_no_less(self) -> LimitsSpec:
        if self.most_concurrency is not None and self.most_concurrency < self.concurrency:
            raise ValueError(
                f"most_concurrency {self.most_concurrency} is less than concurrency "
                f"{self.concurrency}; write as many or more, or leave it out"
            )
        return self

    @property
    def most(self) -> int:
        """Calls in flight at once, whatever happens."""
        return self.most_concurrency or self.concurrency


class ThresholdsSpec(Model):
    """Bars of the checks `failure_rate`, `dead_letter_rate` and `validation_pass_rate`, shares from
    0 to 1; and of `confidence`."""

    failure_rate_warn: float = Field(default=0.02, ge=0, le=1)
    """A larger share of failed items shows as WARN."""
    failure_rate_error: float = Field(default=0.05, ge=0, le=1)
    """A larger share of failed items shows as ERROR."""
    dead_letter_rate_error: float = Field(default=0.001, ge=0, le=1)
    """A larger share of dead letters shows as ERROR."""
    validation_pass_rate_error: float = Field(default=0.99, ge=0, le=1)
    """A smaller share of valid answers shows as ERROR."""
    confidence_shift_warn: float = Field(default=0.25, gt=0)
    """A larger shift of the confidences against earlier batches shows as WARN: the population
    stability index over tenths, where up to 0.1 is stable and above 0.25 is another population."""
    min_items: PositiveInt = 1000
    """No rate blocks a batch with fewer finished items."""
    block: tuple[Literal["failure_rate", "dead_letter_rate", "validation_pass_rate"], ...] = ()
    """Rates that block the release when they are in ERROR. By default they only show."""


class RetentionSpec(Model):
    """How long what is kept; recorded with the batch."""

    inputs_days: PositiveInt | None = None
    """Days to keep the documents as read; no figure: for ever."""
    results_days: PositiveInt | None = None
    """Days to keep the results; no figure: for ever."""


class EvaluationSpec(Model):
    """Measure accuracy against known truth; figures go to the completion report."""

    field: NonEmpty
    """The output field that is judged."""
    truth: NonEmpty
    """The input attribute that holds the right value; items without one do not count."""
    cohort: NonEmpty | None = None
    """An input attribute to split the figures by."""


class JobSpec(Model):
    """One batch AI job: what should happen to a large set of documents."""

    job: JobName
    """The job's name, the same as its folder: lower-case letters, digits and underscores. It is
    the asset group and the key prefix."""
    owner: NonEmpty
    """A team (`team:risk`) or an e-mail address."""
    purpose: NonEmpty
    """What the job is for, in words a data steward understands."""
    data_classification: DataClass
    """The most sensitive class its documents may have. The provider must be approved for it."""
    residency: NonEmpty = "any"
    """The region documents may be sent to, `any` where none is demanded."""
    input: InputSpec
    """Where the documents are."""
    batches: BatchesSpec = BatchesSpec()
    """How documents are gathered into batches, and when a batch runs."""
    priority: Priority = "normal"
    """Which of the batches that wait for a free place runs first, and which of those that run gets
    the next calls of a provider that they share."""
    input_quality: InputQualitySpec = InputQualitySpec()
    """What is expected of the documents, before any call."""
    groups: tuple[GroupSpec, ...] = ()
    """Documents that are treated differently: by type, size or time."""
    over_length: OverLength = "dead_letter"
    """A document longer than the model takes: `dead_letter`: it is not asked, and waits there;
    `truncate`: its beginning is asked, and its row carries the flag `input_truncated`;
    `chunk_and_merge`: it is asked in parts, their answers become one, and its row carries the flag
    `input_divided`."""
    chunks: ChunksSpec = ChunksSpec()
    """How such a document is cut and merged, under `over_length: chunk_and_merge`."""
    shards: ShardsSpec = ShardsSpec()
    """How the work is cut into parts."""
    model: ModelSpec
    """Which model answers."""
    prompt: PromptSpec
    """What the model is told."""
    output: OutputSpec
    """What an answer must look like."""
    rules: tuple[RuleSpec, ...] = ()
    """What must hold for a result, as SQL over its row."""
    retry: RetrySpec = RetrySpec()
    """How often and how fast a failed call is tried again."""
    limits: LimitsSpec = LimitsSpec()
    """The job's own ceiling, below the provider's."""
    budget: BudgetSpec
    """What a batch may cost: limit_usd, or limit_tokens where the model is free. When it is used
    up, no further call leaves."""
    sla: SlaSpec | None = None
    """When a batch must be complete, and what is done where it may not be."""
    slo: SloSpec = SloSpec()
    """What is promised over the batches of a month."""
    thresholds: ThresholdsSpec = ThresholdsSpec()
    """When the rate checks show WARN or ERROR, and whether they block."""
    early_stop: EarlyStopSpec = EarlyStopSpec()
    """When failures are systematic, and the batch stops for a person."""
    retention: RetentionSpec = RetentionSpec()
    """How long what is kept."""
    consumers: tuple[NonEmpty, ...] = ()
    """Who reads the results."""
    consumer_webhook: SecretReference | None = None
    """Where the address is that is told when results come late, never the address itself:
    `env:NAME`, `file:/path` or `aws:NAME`."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags for the assets in the catalogue."""
    evaluation: EvaluationSpec | None = None
    """Measure accuracy against known truth."""

    @field_validator("owner")
    @classmethod
    def _owner_is_team_or_mail(cls, value: str) -> str:
        if not _OWNER.fullmatch(value):
            raise ValueError(
                f"{value!r} is no owner; write team:NAME, or an e-mail address such as "
                "risk@example.com"
            )
        return value
