"""CompletionRecord: the audit record of one batch, written by the engine in every ending.

A JSON contract: fields are added, never renamed; `record_schema` counts breaking changes. How it
looks to people is in `markdown.py`, `html.py` and `text.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from ..figures import CommonMessage, Conservation, ShardFigures
from ..validation.accuracy import CohortAccuracy
from ..validation.check_result import CheckResult
from .job_changes import JobChange


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConservationRecord(_Part):
    """Every item counted once, and whether the equation holds."""

    items: int
    pending: int
    valid: int
    review: int
    dead: int
    discarded: int
    cancelled: int
    skipped: int
    holds: bool
    line: str

    @classmethod
    def of(cls, counts: Conservation) -> Self:
        return cls(
            items=counts.items,
            pending=counts.pending,
            valid=counts.valid,
            review=counts.review,
            dead=counts.dead,
            discarded=counts.discarded,
            cancelled=counts.cancelled,
            skipped=counts.skipped,
            holds=counts.holds,
            line=counts.line(),
        )

    def ends(self) -> dict[str, int]:
        """Items by where they stand, in the order of the equation."""
        return {
            "pending": self.pending,
            "valid": self.valid,
            "review": self.review,
            "dead": self.dead,
            "discarded": self.discarded,
            "cancelled": self.cancelled,
            "skipped": self.skipped,
        }


class GroupRecord(_Part):
    """One group of the batch, as it was planned."""

    group: str
    prompt_version: str
    shards: int
    to_ask: int
    """Items that needed an answer."""
    tokens_in: int
    """Estimated tokens of its requests."""
    largest_shard: float
    """Tokens of its largest shard over the mean of its shards; 1 is perfectly even."""
    truncated: int
    """Items of which only the beginning was asked, because the rest does not fit."""
    divided: int = 0
    """Items that were asked in parts, because they do not fit at once."""


class SavingRecord(_Part):
    """What was not asked, and what it would have cost: the price of the answers that serve it."""

    what: Literal["skipping", "stored_answers", "packing"]
    """`skipping`: documents that are unchanged since a released row of another batch;
    `stored_answers`: those that an answer to the same question served; `packing`: calls that
    became one, and the instructions that each would have carried."""
    documents: int = 0
    calls: int = 0
    tokens: int
    cost_usd: float


class RateRecord(_Part):
    """How much of a limit the batch used while it asked; others may have used the rest."""

    of: str
    """`requests`, `tokens`, `input tokens` or `output tokens`."""
    per_minute: float
    allowed_per_minute: float

    @property
    def share(self) -> float:
        return self.per_minute / self.allowed_per_minute


class MixShare(_Part):
    """How much of a batch is of one type or size, and how much of the last good one was."""

    of: Literal["type", "size"]
    name: str
    share: float
    share_before: float


class Investigation(_Part):
    """What is known of a failure that is systematic: what was said, and what is not as it was."""

    common: tuple[CommonMessage, ...]
    """The most frequent last words on documents without a usable answer."""
    good_batch: str | None = None
    """The last batch of the job that was completed; None where none ever was."""
    good_version: int | None = None
    changes: tuple[JobChange, ...] = ()
    """Where the job is not as it was for that one: model, prompt, schema, rules."""
    mix: tuple[MixShare, ...] = ()
    """Where its documents are not as they were: shares that moved by a twentieth or more."""


class CompletionRecord(_Part):
    """What happened in one batch version, what it cost, and what a person does now."""

    record_schema: Literal[1] = 1
    """Version of this contract."""

    job: str
    batch: str
    version: int
    owner: str = ""
    purpose: str = ""
    data_classification: str = ""

    state: str
    """State of the batch's life cycle, for example `completed` or `halted`."""
    reason: str | None = None
    """Why it halted or failed, one word, for example `budget`."""
    message: str = ""
    """What happened, for people."""
    run_id: str
    who: str
    """Who or what started the run."""

    started_at: datetime
    finished_at: datetime
    duration_seconds: float
    sla_seconds: float | None = None
    """From the trigger of the batch to its deadline."""
    sla_used_seconds: float | None = None
    """From its trigger to this record."""
    sla_met: bool | None = None

    spec_hash: str
    frozen_spec: str
    """The job as it was when the batch was planned, JSON."""
    provider: str
    model: str
    model_version: str
    prompt_version: str
    schema_version: str
    """Version of the job's output schema."""

    conservation: ConservationRecord
    dead_by_reason: dict[str, int] = {}
    skipped_by_reason: dict[str, int] = {}

    groups: tuple[GroupRecord, ...] = ()
    """How the work was cut; nothing where no item needed an answer."""
    shards: tuple[ShardFigures, ...] = ()
    """The same by shard, with what became of each."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Of `tokens_in`, those that the provider had in its prompt cache."""
    cost_usd: float = 0.0
    cache_saved_usd: float = 0.0
    """What the cached tokens cost less than others; `cost_usd` is without it."""
    saved: tuple[SavingRecord, ...] = ()
    """What was not paid for at all."""
    estimated_usd: float = 0.0
    """What it was expected to cost when it was planned."""
    written_off_usd: float = 0.0
    """Held by runs that died, and taken for spent: their calls in flight may have been billed. Not
    in `cost_usd`."""
    machine_usd: float = 0.0
    """What the machine cost that worked on it, at the job's price of an hour."""
    budget_usd: float | None = None
    budget_tokens: int | None = None
    asked: int = 0
    """Items sent to the provider at least once."""
    answered: int = 0
    from_store: int = 0
    """Items served by stored answers, at no cost."""
    calls: int = 0
    retries: int = 0
    split: int = 0
    """Calls for several documents that came to nothing as a whole."""
    throttled: int = 0
    asking_seconds: float = 0.0
    """From the first answer of a run to its last, added up over runs."""
    rates: tuple[RateRecord, ...] = ()
    """The provider's limits, and what was used of each."""
    items_per_second: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0

    checks: tuple[CheckResult, ...] = ()
    accuracy: tuple[CohortAccuracy, ...] = ()
    results_location: str | None = None
    """Where the released rows are; None where nothing was released."""
    investigation: Investigation | None = None
    """Of a batch that halted for a systematic failure."""
    next_step: str = ""
    """What a person does now."""

    @property
    def truncated(self) -> int:
        """Documents of which only the beginning was asked."""
        return sum(group.truncated for group in self.groups)

    @property
    def divided(self) -> int:
        """Documents that were asked in parts."""
        return sum(group.divided for group in self.groups)

    def to_json(self) -> bytes:
        """The record as indented JSON, one trailing newline."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, payload: bytes | str) -> Self:
        return cls.model_validate_json(payload)
