"""GovernanceRecord: every check, release and decision of a batch or a month, for who signs for it.

A JSON contract like the completion record: fields are added, never renamed. How it looks to people
is in `html.py` and `governance_markdown.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from ..figures import counted
from ..validation.check_result import CheckResult
from .completion import ConservationRecord
from .job_changes import JobChange
from .trends import Checked, Trend, trends


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReleaseRecord(_Part):
    """One version that consumers could read from then on."""

    version: int
    at: datetime
    by: str
    reason: str
    rows: int


class DecisionRecord(_Part):
    """What one person decided about documents, in the same words."""

    version: int
    kind: str
    """`replay`, `discard`, `accept`, `correct` or `reject`."""
    who: str
    why: str
    items: int
    at: datetime
    first_items: tuple[str, ...] = ()
    """Ids of the first few of these documents."""
    decided_again: int = 0
    """Of these, documents whose last word in the same version is another decision."""


class VersionRecord(_Part):
    """One version of a batch as it ended, and what had changed in the job since the one before."""

    version: int
    finished_at: datetime
    state: str
    reason: str | None
    counts: ConservationRecord
    cost_usd: float
    spec_hash: str
    model: str
    prompt_version: str
    checks: int
    """How many were made; 0: it stopped before."""
    errors: tuple[str, ...]
    """Checks that failed as errors."""
    warnings: tuple[str, ...]
    released: bool
    changes: tuple[JobChange, ...] = ()

    @property
    def spec_short(self) -> str:
        """Enough of the hash to tell versions apart."""
        return self.spec_hash[:8]


class GovernedBatch(_Part):
    """A batch as it stands at the end of the span, and the versions that led there."""

    batch: str
    version: int
    state: str
    reason: str | None
    finished_at: datetime
    who: str
    run_id: str
    model: str
    prompt_version: str
    conservation: str
    holds: bool
    dead: int
    review: int
    cost_usd: float
    checks: tuple[CheckResult, ...]
    releases: tuple[ReleaseRecord, ...]
    decisions: tuple[DecisionRecord, ...]
    versions: tuple[VersionRecord, ...] = ()
    """Each that ended (or stopped) before the end of the span, the oldest first."""
    cost_usd_all_versions: float = 0.0

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def errors(self) -> int:
        return sum(check.severity == "error" for check in self.failed)

    @property
    def warnings(self) -> int:
        return len(self.failed) - self.errors


class GovernedJob(_Part):
    """A job, and its batches of the span, the oldest first."""

    job: str
    owner: str
    purpose: str
    data_classification: str
    batches: tuple[GovernedBatch, ...]

    @property
    def check_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c.name for batch in self.batches for c in batch.checks))

    def trends(self) -> dict[str, Trend]:
        """How each check went over these batches."""
        return trends([Checked(batch.batch, batch.checks) for batch in self.batches])


class GovernanceRecord(_Part):
    """What happened in a span of time, and what still waits for a person."""

    record_schema: Literal[1] = 1
    """Version of this contract."""
    title: str
    """The span or the batch, in words."""
    since: datetime
    until: datetime
    drawn_up_at: datetime
    jobs: tuple[GovernedJob, ...]

    def batches(self) -> Iterator[tuple[GovernedJob, GovernedBatch]]:
        for job in self.jobs:
            for batch in job.batches:
                yield job, batch

    @property
    def errors(self) -> int:
        """Checks in error, of each batch as it stands."""
        return sum(batch.errors for _, batch in self.batches())

    @property
    def warnings(self) -> int:
        return sum(batch.warnings for _, batch in self.batches())

    @property
    def needs_a_person(self) -> tuple[str, ...]:
        """One line for each batch that is not as it should be."""
        return tuple(filter(None, (_wanting(job, batch) for job, batch in self.batches())))

    def to_json(self) -> bytes:
        """The record as indented JSON, one trailing newline."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    @classmethod
    def from_json(cls, payload: bytes | str) -> Self:
        return cls.model_validate_json(payload)


def _wanting(job: GovernedJob, batch: GovernedBatch) -> str:
    wants = []
    if not batch.holds:
        wants.append("its count does not add up")
    if not batch.state.startswith("completed"):
        wants.append(f"it is {batch.state}" + (f" ({batch.reason})" if batch.reason else ""))
    errors = [check.name for check in batch.failed if check.severity == "error"]
    if errors:
        wants.append(f"in error: {', '.join(errors)}")
    if batch.dead:
        wants.append(f"{counted(batch.dead, 'dead letter')} open")
    if batch.review:
        wants.append(f"{counted(batch.review, 'answer')} in review")
    return f"{job.job}/{batch.batch}: {'; '.join(wants)}" if wants else ""
