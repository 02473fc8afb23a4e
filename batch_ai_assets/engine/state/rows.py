"""Rows as the rest of the engine sees them: frozen values, no SQL, no database types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ..figures import Conservation


class Status(StrEnum):
    """How one attempt at an item went (checkpoints).

    Attempts count from 1. An attempt together with other items that came to nothing for the
    whole request is no failure of the item: those count from -1 downwards.
    """

    ANSWERED = "answered"
    FROM_STORE = "from_store"
    MERGED = "merged"
    """The answers to its parts, put together."""
    PART = "part"
    """An answer to one part of it."""
    SPLIT = "split"
    """Asked together with others, without a usable answer to the request as a whole."""
    TRANSIENT = "transient"
    INVALID = "invalid"
    DEAD = "dead"


class Kind(StrEnum):
    """What a person decided about an item that waits."""

    REPLAY = "replay"
    """Ask about the dead document again."""
    DISCARD = "discard"
    """Give the dead document up; its record stays."""
    ACCEPT = "accept"
    """The answer in review is right."""
    CORRECT = "correct"
    """This answer is right, in place of the one in review."""
    REJECT = "reject"
    """The answer in review is wrong, and the document is given up."""


GIVES_UP = (Kind.DISCARD, Kind.REJECT)
"""The document is not asked about again, here or in a later batch, while it is the same."""


class Mark(StrEnum):
    """What a person said of a stored answer."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    """It is the person's own."""
    WITHDRAWN = "withdrawn"
    """It serves nobody any more: its document is asked about again."""


USABLE = (Status.ANSWERED, Status.FROM_STORE, Status.MERGED)
"""The item has an answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a batch: its frozen spec and where its tables are."""

    plan_id: int
    job: str
    batch: str
    version: int
    spec: str
    """ResolvedJob as JSON, as it was at planning."""
    spec_hash: str
    mode: str
    raw_path: str
    items: int
    """Rows of the manifest: what every count is measured against."""
    work_plan_path: str | None
    enriched_path: str | None
    report_path: str | None
    results_path: str | None
    planned_at: float | None
    """When the manifest was complete; None: planning did not end."""
    started_at: float | None
    finished_at: float | None
    throttled: int
    triggered_at: float | None = None
    """What the deadline is counted from; UTC seconds since the epoch."""
    deadline_at: float | None = None
    """When it should be complete; None: nobody said. An approval may put it off."""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One line of the manifest, as the planner writes it."""

    seq: int
    item_id: str
    input_hash: bytes
    tokens: int
    end: str
    reason: str
    shard: int = 0
    priority: int = 0
    """Items with a higher one are asked first."""


class ToDo(msgspec.Struct, frozen=True, gc=False):
    """An item that needs a call."""

    seq: int
    shard: int
    attempts: int
    """Attempts so far that count."""
    splits: int
    """Attempts together with others that came to nothing."""


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A part of a batch version, as planned."""

    shard: int
    group: str
    to_ask: int
    """Items."""
    tokens_in: int
    """Estimated input tokens of all its requests."""
    truncated: int
    """Items of whose text only the beginning is asked."""
    divided: int
    """Items that are asked in parts."""
    calls: int
    """Calls that it takes, if each goes well: one for an item, or for each of its parts."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer that is already paid for."""

    answer_id: int
    request_hash: bytes
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A stored answer with all that was kept of it; it opens with its request hash."""

    request_hash: bytes
    sealed: bytes
    confidence: float | None
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class PartRow:
    """An attempt at one part of an item."""

    part: int
    attempt: int
    answer: KeptAnswer | None
    """None where it gave none."""


@dataclass(frozen=True, slots=True)
class SealedAnswer:
    """An answer as it lies in the store; it opens with its request hash."""

    request_hash: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An item that ended dead, as the engine hands it to the store. Payloads are sealed."""

    seq: int
    item_id: str
    request_hash: bytes
    reason: str
    message: str
    attempts: int
    sealed_payload: bytes
    sealed_answer: bytes | None
    at: float


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A dead letter as people and the export see it."""

    job: str
    batch: str
    version: int
    seq: int
    item_id: str
    reason: str
    message: str
    attempts: int
    status: str
    request_hash: bytes
    sealed_payload: bytes
    sealed_answer: bytes | None
    first_at: float
    last_at: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item that waits for a person: a dead letter, or an answer in review."""

    seq: int
    item_id: str
    request_hash: bytes
    reason: str
    answer_id: int | None
    """The answer in review."""
    confidence: float | None = None
    """How sure the model was of it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about one item of one version of a batch."""

    batch: str
    version: int
    seq: int
    item_id: str
    request_hash: bytes
    """The question: a decision on an answer is one on what was asked."""
    input_hash: bytes
    """The document: whoever gives it up means it, whatever is asked."""
    kind: Kind
    reason: str
    """Why the item was waiting."""
    why: str
    """The person's own words: root cause, or reason."""
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class OpenDecisions:
    """What was decided about the newest version of a batch, and is not carried out yet."""

    newest_at: float
    replays: bool
    """A document is to be asked about again."""
    spec_hash: str
    """Of the job as it was when they decided."""
    items: int = 1
    """Documents that were decided on."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an item: when it ended, how, and what it cost."""

    number: int
    status: Status
    at: float
    tokens: int
    cost_usd: float
    written_off: bool = False
    """Nobody knows what it cost: these are the most that it can have been."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch at a glance, for `batch-ai status` and the sensors."""

    job: str
    batch: str
    version: int
    """0 while nothing is planned yet."""
    state: str
    reason: str
    message: str
    run_id: str
    conservation: Conservation
    cost_usd: float
    """Of this version."""
    cost_usd_all_versions: float
    tokens: int
    tokens_cached: int
    """Of these, sent ones that the provider had in its prompt cache."""
    cache_saved_usd: float
    started_at: float | None
    updated_at: float
    holder: str | None
    """Who works on it now, if its lease is alive."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a batch's life."""

    from_state: str | None
    to_state: str
    reason: str
    who: str
    run_id: str
    version: int | None
    at: float


@dataclass(frozen=True, slots=True)
class EnrichedRow:
    """One answered item with everything its lineage needs; the answer is still sealed."""

    seq: int
    item_id: str
    input_hash: bytes
    request_hash: bytes
    attempt: int
    shard: int
    worker: str
    status: str
    at: float
    sealed: bytes
    confidence: float | None
    tokens_in: int
    tokens_out: int
    cost_usd: float
    """What this batch paid for it: 0 for an answer from the store."""
