"""GroupSpec: parts of a batch that are treated differently, and how a batch is cut into shards.

Shapes and the one pure question whether an item belongs to a group. Cutting is `engine/planning`.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from .base import Model, NonEmpty, RuleName

OverLength = Literal["dead_letter", "truncate", "chunk_and_merge"]
"""What happens to a document that is longer than the model takes."""

REST = "rest"
"""The group of every item that no named group takes."""


class GroupPrompt(Model):
    """Instructions of its own for a group; examples stay those of the job."""

    file: NonEmpty
    """Instructions, beside `job.yaml`."""
    version: NonEmpty
    """The lineage column `prompt_version` of the group's rows."""


class GroupParameters(Model):
    """Model parameters of its own for a group; what is not named stays the job's."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """0 asks for the likeliest answer; more lets the model vary it."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Choose among the likeliest tokens that together have this probability."""
    seed: int | None = None
    """Makes answers repeatable where the provider supports it."""
    max_tokens: PositiveInt | None = None
    """Bounds the cost of a call."""


class GroupSpec(Model):
    """Items that are treated differently. An item belongs to the first group that takes it."""

    name: RuleName
    """Names the group in the work plan and the reports: lower-case letters, digits, underscores."""
    types: tuple[NonEmpty, ...] = ()
    """Document types: `pdf`, `docx`, `html`, `eml`, `txt`, `md`, ...: a file's ending; `row` for
    rows of a table."""
    tokens_from: PositiveInt | None = None
    """Size tier: documents with at least so many tokens."""
    tokens_below: PositiveInt | None = None
    """Size tier: documents with fewer tokens."""
    since: date | None = None
    """Time: documents written or changed on this day or later (UTC)."""
    before: date | None = None
    """Time: documents written or changed before this day (UTC)."""
    prompt: GroupPrompt | None = None
    """Instructions of its own."""
    parameters: GroupParameters | None = None
    """Model parameters of its own."""
    concurrency: PositiveInt | None = None
    """Calls in flight at once, in place of limits.concurrency."""
    over_length: OverLength | None = None
    """What happens to its documents that are too long, in place of the job's `over_length`."""

    def takes(self, kind: str, tokens: int, changed: date | None) -> bool:
        """Whether a document of this type, size and date belongs to the group."""
        return (
            (not self.types or kind in self.types)
            and (self.tokens_from is None or tokens >= self.tokens_from)
            and (self.tokens_below is None or tokens < self.tokens_below)
            and (self.since is None or (changed is not None and changed >= self.since))
            and (self.before is None or (changed is not None and changed < self.before))
        )

    @model_validator(mode="after")
    def _can_take_something(self) -> GroupSpec:
        if self.name == REST:
            raise ValueError(f"{REST!r} is the group of everything else; choose another name")
        if self.tokens_from and self.tokens_below and self.tokens_from >= self.tokens_below:
            raise ValueError("tokens_from must lie below tokens_below, or nothing belongs to it")
        if self.since and self.before and self.since >= self.before:
            raise ValueError("since must lie before `before`, or nothing belongs to it")
        return self


class ShardsSpec(Model):
    """How the items of a group are cut into parts of about equal work."""

    target_minutes: float = Field(default=10.0, ge=5, le=15)
    """How long a shard should take, by the estimate of the work plan."""
    count: PositiveInt | None = None
    """So many shards, whatever they take; `batch-ai run --shards N` says it for one run."""
