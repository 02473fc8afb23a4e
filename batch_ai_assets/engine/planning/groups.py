"""Groups of a job as the planner sees them: who takes an item, and how it would be asked.

What a group may say is in `spec/groups.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from math import ceil

from ..inference.request import TAG_TOKENS, RequestTemplate
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
    """Tokens of all requests for an item → how many items to ask have so many."""
    _calls: float = 0.0

    def request_tokens(self, tokens: int) -> int:
        """Estimated input tokens of the requests for a document of so many tokens: of the one, or
        of those for its parts."""
        template = self.template
        company, asked = template.company(tokens), template.asked_tokens(tokens)
        if company == 1:
            return asked + template.calls(tokens) * template.prompt_tokens
        return asked + TAG_TOKENS + ceil(template.prompt_tokens / company)

    def calls_of(self, tokens: int) -> float:
        """Calls for a document of so many tokens; a share of one where it goes in company."""
        return self.template.calls(tokens) / self.template.company(tokens)

    def too_long(self, tokens: int) -> bool:
        """Whether a document cannot be asked, neither its beginning nor in parts."""
        template = self.template
        return tokens > template.room and not template.cuts(tokens) and not template.divides(tokens)

    def add(self, tokens: int) -> None:
        """Count an item that must be asked."""
        self.sizes[self.request_tokens(tokens)] += 1
        self._calls += self.calls_of(tokens)

    @property
    def calls(self) -> int:
        """Calls for all its items together, if each goes well."""
        return whole_calls(self._calls)

    @property
    def to_ask(self) -> int:
        return self.sizes.total()

    @property
    def tokens(self) -> int:
        """Estimated input tokens of all its requests."""
        return sum(size * count for size, count in self.sizes.items())


def whole_calls(calls: float) -> int:
    """Shares of calls add up to whole ones; what floating point leaves behind is none."""
    return ceil(round(calls, 6))


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
