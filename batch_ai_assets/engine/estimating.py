"""What a batch would cost and take, before anything is written or asked.

Reads the documents as `read_inputs` does and looks at them as the planner does; neither manifest
nor claims nor plan are left behind.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from .deps import Deps
from .inputs import documents
from .intake.document import Document
from .planning.estimate import Expectation, Work
from .planning.shards import Cut, shards_of_groups
from .planning.survey import Candidates, Fate, Survey
from .spec.resolved import ResolvedJob
from .tokens import count_tokens

_CHUNK = 512


@dataclass(frozen=True, slots=True)
class GroupEstimate:
    """What one group of the batch would mean."""

    group: str
    shards: int
    heaviest_share: float
    """Tokens of its largest shard over the mean of its shards; 1 is perfectly even."""
    truncated: int
    """Items of which only the beginning would be asked."""
    work: Work


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the whole batch would mean."""

    job: str
    batch: str
    items: int
    fates: dict[str, int]
    """What would become of the items: `ask`, `unchanged`, `too_long`, ..."""
    groups: tuple[GroupEstimate, ...]
    learned_from: int
    """Earlier batches that the time and the length of answers were learned from."""

    @property
    def to_ask(self) -> int:
        return sum(group.work.items for group in self.groups)

    @property
    def cost_usd(self) -> float:
        return sum(group.work.cost_usd for group in self.groups)

    @property
    def most_cost_usd(self) -> float:
        return sum(group.work.most_cost_usd for group in self.groups)

    @property
    def most_tokens(self) -> int:
        return sum(group.work.tokens_in + group.work.most_tokens_out for group in self.groups)

    @property
    def seconds(self) -> float:
        """Groups are asked one after the other."""
        return sum(group.work.seconds for group in self.groups)


def estimate(job: ResolvedJob, batch: str, deps: Deps, shards: int | None = None) -> Estimate:
    """The estimate of `batch`. Raises IntakeError."""
    survey = Survey(job, batch, deps.store, may_skip=True, claim=False)
    truncated: Counter[int] = Counter()
    found = documents(job, batch, deps, claim=False)
    while chunk := tuple(islice(found, _CHUNK)):
        seen, items = len(survey.fates), _candidates(chunk)
        survey.look(items)
        for index, tokens in enumerate(items.tokens, seen):
            place = survey.places[index]
            if survey.fates[index] == Fate.ASK and survey.groups[place].template.cuts(tokens):
                truncated[place] += 1
    expected = Expectation.of(job, deps.store)
    return Estimate(
        job=job.name,
        batch=batch,
        items=len(survey.fates),
        fates={fate.reason: count for fate, count in sorted(survey.counts.items())},
        groups=tuple(_groups(job, survey, expected, truncated, shards)),
        learned_from=expected.batches,
    )


def _groups(
    job: ResolvedJob,
    survey: Survey,
    expected: Expectation,
    truncated: Counter[int],
    shards: int | None,
) -> Iterator[GroupEstimate]:
    groups = survey.groups
    works = [expected.work(group.job, group.to_ask, group.tokens) for group in groups]
    counts = shards_of_groups(
        [work.tokens_in for work in works],
        [work.items for work in works],
        [work.seconds for work in works],
        job.spec.shards.target_minutes * 60.0,
        shards or job.spec.shards.count,
    )
    for place, (group, work, count) in enumerate(zip(groups, works, counts, strict=True)):
        if work.items:
            loads = Cut(group.sizes, count).loads
            heaviest = max(loads) * count / sum(loads)
            yield GroupEstimate(group.name, count, heaviest, truncated[place], work)


def _candidates(chunk: tuple[Document, ...]) -> Candidates:
    return Candidates(
        [document.item_id for document in chunk],
        [hashlib.sha256(document.text.encode()).digest() for document in chunk],
        count_tokens([document.text for document in chunk]),
        [document.kind for document in chunk],
        [
            None if document.changed is None else datetime.fromtimestamp(document.changed, UTC)
            for document in chunk
        ],
        [document.problem.reason if document.problem else None for document in chunk],
    )
