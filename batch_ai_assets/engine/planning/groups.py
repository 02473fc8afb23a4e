"""Groups of a job as the planner sees them: who takes an item, and how it would be asked.

What a group may say is in `spec/groups.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from ..inference.request import RequestTemplate
from ..spec.groups import REST
from ..spec.resolved import ResolvedJob


@dataclass(slots=True)
class Group:
    """One group of one batch version, and the work that the planner found for it."""

    name: str
    job: ResolvedJob
    """The job with what the group says in place of its own."""
    template: RequestTemplate
    sizes: Counter[int] = field(default_factory=Counter)
    """Tokens of a request → how many items to ask have so many."""

    def request_tokens(self, tokens: int) -> int:
        """Estimated input tokens of the request for a document of so many tokens."""
        asked = self.template.room if self.template.cuts(tokens) else tokens
        return asked + self.template.prompt_tokens

    def too_long(self, tokens: int) -> bool:
        """Whether a document cannot be asked, not even its beginning."""
        return tokens > self.template.room and not self.template.cuts(tokens)

    def add(self, tokens: int) -> None:
        """Count an item that must be asked."""
        self.sizes[self.request_tokens(tokens)] += 1

    @property
    def to_ask(self) -> int:
        return self.sizes.total()

    @property
    def tokens(self) -> int:
        """Estimated input tokens of all its requests."""
        return sum(size * count for size, count in self.sizes.items())


def groups_of(job: ResolvedJob) -> list[Group]:
    """The job's groups in the order in which they take items; the last takes what is left."""
    names = [group.name for group in job.spec.groups] + [REST]
    return [
        Group(name, variant := job.for_group(name), RequestTemplate(variant)) for name in names
    ]


def place_of(job: ResolvedJob, kind: str, tokens: int, changed: datetime | None) -> int:
    """Which of `groups_of(job)` an item belongs to."""
    day: date | None = changed.date() if changed else None
    for place, group in enumerate(job.spec.groups):
        if group.takes(kind, tokens, day):
            return place
    return len(job.spec.groups)
