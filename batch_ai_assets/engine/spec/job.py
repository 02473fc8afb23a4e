"""JobSpec: everything one `job.yaml` may say. Shapes and single-field rules only.

Reading files and cross-checks against the provider registry are in `registry.py`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from .base import DataClass, JobName, Model, NonEmpty, RuleName

CleaningStep = Literal["newlines", "control_characters", "nfc", "strip"]
CLEANING_STEPS: tuple[CleaningStep, ...] = ("newlines", "control_characters", "nfc", "strip")


class InputSpec(Model):
    """Where the documents of a batch come from."""

    path: NonEmpty
    """Folder or file, relative to the job folder. `{home}`, `{date}`, `{batch}` are filled in."""
    format: Literal["text", "jsonl"] = "text"
    """`text`: every file that matches `glob` is one item; `jsonl`: every line is one item."""
    glob: NonEmpty = "**/*"
    """Which files below a folder are read."""
    id: NonEmpty = "id"
    """jsonl: the field that names the item. For `text` the relative path is the name."""
    text: NonEmpty = "text"
    """jsonl: the field that holds the document."""
    attributes: tuple[NonEmpty, ...] = ()
    """jsonl: further fields to keep with the item (not sent to the model)."""
    classification: NonEmpty | None = None
    """jsonl: the field that holds an item's own data class, where items carry one."""
    clean: tuple[CleaningStep, ...] = CLEANING_STEPS
    """Cleaning steps, in order."""


class BatchesSpec(Model):
    """How documents are gathered into batches."""

    cadence: Literal["manual", "daily"] = "manual"
    window: Literal["path", "file_time", "snapshot"] = "snapshot"
    """Which items belong to a batch: those under a dated path, files changed on the day, or all."""
    start: date = date(2026, 1, 1)
    """daily: the first batch."""
    at: str = Field(default="02:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """daily: when the schedule fires, local time in `timezone`."""
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"{value!r} is not an IANA time zone; write e.g. Europe/Paris"
            ) from error
        return value

    @model_validator(mode="after")
    def _window_fits_cadence(self) -> BatchesSpec:
        if self.cadence == "manual" and self.window != "snapshot":
            raise ValueError(
                "a manual batch takes what is there: use window: snapshot, or cadence: daily"
            )
        return self


class ModelParameters(Model):
    """Sampling parameters, sent as they are."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
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


class PromptSpec(Model):
    """The invariant part of every request."""

    file: NonEmpty = "prompt.md"
    """Instructions, beside `job.yaml`."""
    version: NonEmpty
    """Bump it with every change: it is a lineage column."""
    examples: NonEmpty | None = None
    """A YAML list of `{text, output}`, sent as earlier turns of the conversation."""


class ConfidenceSpec(Model):
    """Where an answer's confidence (0 to 1) comes from."""

    source: Literal["field", "logprob"] = Field(alias="from")
    """`field`: the answer says it itself; `logprob`: probability of the answered value's tokens."""
    field: NonEmpty
    """The output field that holds the confidence, or whose value's probability counts."""


class OutputSpec(Model):
    """What an answer must look like."""

    json_schema: dict[str, Any] = Field(alias="schema")
    """JSON Schema of one answer: an object with `properties`, `required` and no additional ones."""
    version: NonEmpty = "1"
    """Bump it with every change of the schema: it is a lineage column."""
    taxonomy: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Field -> approved value -> what the value means. Adds an `enum` to the schema."""
    confidence: ConfidenceSpec | None = None
    review_below: float | None = Field(default=None, ge=0, le=1)
    """An answer less confident than this waits for a person."""


class RuleSpec(Model):
    """A business rule over one result row."""

    name: RuleName
    sql: NonEmpty
    """A SQL boolean expression; false or NULL fails the rule."""
    severity: Literal["error", "warn"] = "error"
    """`error`: the row ends dead as `rule:<name>`; `warn`: it stays valid with a flag."""
    description: str = ""


class RetrySpec(Model):
    """What happens to an item whose call failed for a passing reason (pattern section 4)."""

    max_attempts: PositiveInt = 3
    """Calls that end transient or invalid, before the item is dead. Throttling never counts."""
    base_seconds: PositiveFloat = 0.5
    max_seconds: PositiveFloat = 30.0
    timeout_seconds: PositiveFloat = 60.0
    """A call without an answer after this long is given up; its cost counts as spent."""


class LimitsSpec(Model):
    """The job's own ceiling, below the provider's."""

    concurrency: PositiveInt = 32
    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None


class BudgetSpec(Model):
    """What a batch may cost. Required: a job without an end to its spending does not load."""

    limit_usd: PositiveFloat | None = None
    limit_tokens: PositiveInt | None = None

    @model_validator(mode="after")
    def _some_limit(self) -> BudgetSpec:
        if self.limit_usd is None and self.limit_tokens is None:
            raise ValueError("set limit_usd, or limit_tokens for a free model")
        return self


class SlaSpec(Model):
    """How long a batch may take."""

    within: str = Field(pattern=r"^\d+(\.\d+)?[smh]$")
    """For example `90s`, `30m`, `4h`, from the start of the batch."""

    @property
    def seconds(self) -> float:
        return float(self.within[:-1]) * {"s": 1, "m": 60, "h": 3600}[self.within[-1]]


class ThresholdsSpec(Model):
    """Bars of the rate checks (pattern section 10). Shares between 0 and 1."""

    failure_rate_warn: float = Field(default=0.02, ge=0, le=1)
    failure_rate_error: float = Field(default=0.05, ge=0, le=1)
    dead_letter_rate_error: float = Field(default=0.001, ge=0, le=1)
    validation_pass_rate_error: float = Field(default=0.99, ge=0, le=1)
    min_items: PositiveInt = 1000
    """No rate blocks a batch with fewer finished items."""
    block: tuple[Literal["failure_rate", "dead_letter_rate", "validation_pass_rate"], ...] = ()
    """Rates that block the release when they are in ERROR. By default they only show."""


class RetentionSpec(Model):
    """How long what is kept; recorded with the batch."""

    inputs_days: PositiveInt | None = None
    results_days: PositiveInt | None = None


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
    """The job's name: asset group and key prefix. The same as its folder."""
    owner: NonEmpty
    """A team (`team:risk`) or an e-mail address."""
    purpose: NonEmpty
    """What the job is for, in words a data steward understands."""
    data_classification: DataClass
    residency: NonEmpty = "any"
    """The region documents may be sent to, `any` where none is demanded."""
    input: InputSpec
    batches: BatchesSpec = BatchesSpec()
    model: ModelSpec
    prompt: PromptSpec
    output: OutputSpec
    rules: tuple[RuleSpec, ...] = ()
    retry: RetrySpec = RetrySpec()
    limits: LimitsSpec = LimitsSpec()
    budget: BudgetSpec
    sla: SlaSpec | None = None
    thresholds: ThresholdsSpec = ThresholdsSpec()
    retention: RetentionSpec = RetentionSpec()
    consumers: tuple[NonEmpty, ...] = ()
    """Who reads the results."""
    tags: dict[str, str] = Field(default_factory=dict)
    evaluation: EvaluationSpec | None = None

    @field_validator("owner")
    @classmethod
    def _owner_is_team_or_mail(cls, value: str) -> str:
        if not re.fullmatch(r"team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+", value):
            raise ValueError("write a team as team:NAME, or an e-mail address")
        return value
