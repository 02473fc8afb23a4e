"""CostRecord: what a month cost, what for, and what it will have cost at its end.

A JSON contract like the completion record: fields are added, never renamed. How it looks to people
is in `costs_wording.py`, `costs_markdown.py` and `html.py`. USD and tokens; times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from math import fsum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sums(_Part):
    """Money rows of the ledger, added up."""

    calls: int = 0
    """Calls that were paid for, whole or in part."""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Of `tokens_in`, those that the provider had in its prompt cache."""
    usd: float = 0.0
    unanswered_usd: float = 0.0
    """Of `usd`, upper bounds of calls without an answer, taken for spent."""
    cache_saved_usd: float = 0.0
    """What the cached tokens cost less than others; not in `usd`."""

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @classmethod
    def over(cls, parts: Sequence[Sums]) -> Self:
        return cls(
            calls=sum(one.calls for one in parts),
            tokens_in=sum(one.tokens_in for one in parts),
            tokens_out=sum(one.tokens_out for one in parts),
            tokens_cached=sum(one.tokens_cached for one in parts),
            usd=fsum(one.usd for one in parts),
            unanswered_usd=fsum(one.unanswered_usd for one in parts),
            cache_saved_usd=fsum(one.cache_saved_usd for one in parts),
        )


class ForecastRecord(_Part):
    """Where spending is heading, USD at the end of the month."""

    low: float
    likely: float
    high: float
    """In four of five cases it ends between `low` and `high`, if days go on as before."""
    days: int
    """So many days it was learned from."""
    by_weekday: bool


class CapRecord(_Part):
    """What may be spent in the month, and was: by the account that calls are held to."""

    usd: float | None
    tokens: int | None
    spent_usd: float
    spent_tokens: int
    share: float
    """Of USD or tokens, whichever is used up more."""
    forecast: ForecastRecord | None = None


class BatchCost(_Part):
    """A released batch: what all its versions cost until then, in whichever months."""

    batch: str
    released_at: datetime
    results: int
    usd: float

    @property
    def usd_per_thousand(self) -> float | None:
        return self.usd / self.results * 1000 if self.results else None


class JobCost(_Part):
    job: str
    batches: int
    """That something was paid for in the month, or that were released in it."""
    results: int
    """Rows that the batches released in the month hold."""
    sums: Sums
    lost_usd: float = 0.0
    """Held by runs that died; not in `sums`."""
    machine_usd: float = 0.0
    usd_per_thousand: float | None = None
    """What the batches released in the month cost per thousand results, in whichever months."""
    cap: CapRecord | None = None
    last_batches: tuple[BatchCost, ...] = ()
    """The last ones released, oldest first."""


class ProviderCost(_Part):
    provider: str
    sums: Sums
    lost_usd: float = 0.0
    cap: CapRecord | None = None


class ModelCost(_Part):
    """One model with one version of a job's prompt."""

    provider: str
    model: str
    job: str
    prompt_version: str
    sums: Sums


class OutcomeCost(_Part):
    """Where the documents stand that it was paid for."""

    end: str
    sums: Sums
    in_vain: Sums
    """Of these, attempts that gave no usable answer: retries, invalid answers, split requests."""


class SavedRecord(_Part):
    """What was not paid for."""

    what: Literal["skipping", "stored_answers", "packing", "prompt_cache"]
    documents: int = 0
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0


class EstimateRecord(_Part):
    """Batches of a job that ended in the month: what they cost over what was expected."""

    job: str
    batches: int
    estimated_usd: float
    actual_usd: float
    least: float
    middle: float
    most: float
    """Of the batches, actual over estimated: the lowest, the median and the highest."""


class ApprovalRecord(_Part):
    job: str
    batch: str
    version: int
    limit_usd: float | None
    limit_tokens: int | None
    deadline: datetime | None
    who: str
    why: str
    at: datetime


class DayCost(_Part):
    day: date
    usd: float


class CostRecord(_Part):
    """What a month cost. Every grouping of `total` adds up to it."""

    record_schema: Literal[1] = 1
    """Version of this contract."""
    month: str
    job: str | None = None
    """The one job that it is about; None: all."""
    since: datetime
    until: datetime
    drawn_up_at: datetime
    total: Sums
    lost_usd: float = 0.0
    """Held by runs that died, and taken for spent. Not in `total`."""
    lost_tokens: int = 0
    lost_runs: int = 0
    machine_usd: float = 0.0
    """What the machine cost that worked on the batches that ended. Not in `total`."""
    days: tuple[DayCost, ...] = ()
    forecast: ForecastRecord | None = None
    """None: the month is over, or too few days have passed."""
    jobs: tuple[JobCost, ...] = ()
    providers: tuple[ProviderCost, ...] = ()
    models: tuple[ModelCost, ...] = ()
    outcomes: tuple[OutcomeCost, ...] = ()
    saved: tuple[SavedRecord, ...] = ()
    estimates: tuple[EstimateRecord, ...] = ()
    approvals: tuple[ApprovalRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    """What a person should know before a cap is reached."""

    @property
    def title(self) -> str:
        return f"{self.job}/{self.month}" if self.job else self.month

    @property
    def over(self) -> bool:
        """The month had ended when this was drawn up."""
        return self.drawn_up_at >= self.until

    def to_json(self) -> bytes:
        """The record as indented JSON, one trailing newline."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, payload: bytes | str) -> Self:
        return cls.model_validate_json(payload)
