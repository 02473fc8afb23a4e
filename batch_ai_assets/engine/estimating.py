"""What a batch would cost and take, before anything is written or asked.

Reads the documents as `read_inputs` does and looks at them as the planner does; neither manifest
nor claims nor plan are left behind.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from math import floor

from .deps import Deps
from .inputs import documents
from .intake.document import Document
from .planning.estimate import Expectation, Work
from .planning.fate import Fate
from .planning.shards import Cut, shards_of_groups
from .planning.survey import Candidates, Survey
from .spec.resolved import ResolvedJob
from .state.store import StateStore
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
    divided: int
    """Items that would be asked in parts."""
    stored: int
    """Items that stored answers would serve, at no cost."""
    work: Work
    """Of the calls that are left."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the whole batch would mean."""

    job: str
    batch: str
    items: int
    fates: dict[str, int]
    """What would become of the items: `ask`, `unchanged`, `too_long`, or what is wrong with them:
    `empty_text`, ..."""
    groups: tuple[GroupEstimate, ...]
    learned_from: int
    """Earlier batches that the time and the length of answers were learned from."""

    @property
    def to_ask(self) -> int:
        """Items without a stored answer."""
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
    served = _Served(survey, deps.store)
    found = documents(job, batch, deps, claim=False)
    while chunk := tuple(islice(found, _CHUNK)):
        items, first = _candidates(chunk), len(survey.fates)
        survey.look(items)
        served.look(items, [document.text for document in chunk], first)
    expected = Expectation.of(job, deps.store)
    return Estimate(
        job=job.name,
        batch=batch,
        items=len(survey.fates),
        fates=_by_reason(survey, served.problems),
        groups=tuple(_groups(job, survey, expected, served, shards)),
        learned_from=expected.batches,
    )


class _Served:
    """What stored answers would serve, and what is too long, by place of the group; problems."""

    def __init__(self, survey: Survey, store: StateStore) -> None:
        self._survey, self._store = survey, store
        self.items: Counter[int] = Counter()
        self.calls: dict[int, float] = defaultdict(float)
        self.tokens: Counter[int] = Counter()
        """Of the calls that are saved, prompts included."""
        self.truncated: Counter[int] = Counter()
        self.divided: Counter[int] = Counter()
        self.problems: Counter[str] = Counter()

    def look(self, items: Candidates, texts: Sequence[str], first: int) -> None:
        """At the items that the survey has just seen, from its `first` on."""
        survey = self._survey
        hashes: dict[int, bytes] = {}
        for index, tokens in enumerate(items.tokens):
            if survey.fates[first + index] == Fate.ASK:
                template = survey.groups[survey.places[first + index]].template
                hashes[index] = template.request_hash(items.input_hashes[index], tokens)
            elif survey.fates[first + index] == Fate.PROBLEM:
                self.problems[items.problems[index] or ""] += 1
        stored = self._store.answers.look_up(list(hashes.values()))
        for index, request_hash in hashes.items():
            place, tokens = survey.places[first + index], items.tokens[index]
            group = survey.groups[place]
            self.truncated[place] += group.template.cuts(tokens)
            self.divided[place] += group.template.divides(tokens)
            if request_hash in stored:
                self.items[place] += 1
                self.calls[place] += group.calls_of(tokens)
                self.tokens[place] += group.request_tokens(tokens)
            elif group.template.divides(tokens):
                self._look_at_parts(place, texts[index])

    def _look_at_parts(self, place: int, text: str) -> None:
        """At what is known of a document that nobody has asked as a whole."""
        template = self._survey.groups[place].template
        parts = {template.request_hash(part.input_hash): part for part in template.parts(text)}
        for request_hash in self._store.answers.look_up(list(parts)):
            self.calls[place] += 1
            self.tokens[place] += parts[request_hash].tokens + template.prompt_tokens


def _by_reason(survey: Survey, problems: Counter[str]) -> dict[str, int]:
    fates = {
        fate.reason: count
        for fate, count in sorted(survey.counts.items())
        if fate is not Fate.PROBLEM
    }
    return fates | dict(sorted(problems.items()))


def _groups(
    job: ResolvedJob,
    survey: Survey,
    expected: Expectation,
    served: _Served,
    shards: int | None,
) -> Iterator[GroupEstimate]:
    groups = survey.groups
    counts = shards_of_groups(
        [group.tokens for group in groups],
        [group.to_ask for group in groups],
        [expected.seconds(group.job, group.calls, group.tokens) for group in groups],
        job.spec.shards.target_minutes * 60.0,
        shards or job.spec.shards.count,
    )
    for place, (group, count) in enumerate(zip(groups, counts, strict=True)):
        if group.to_ask:
            loads = Cut(group.sizes, count).loads
            stored = served.items[place]
            work = expected.work(
                group.job,
                group.to_ask - stored,
                max(0, group.calls - floor(served.calls[place])),
                group.tokens - served.tokens[place],
            )
            yield GroupEstimate(
                group=group.name,
                shards=count,
                heaviest_share=max(loads) * count / sum(loads),
                truncated=served.truncated[place],
                divided=served.divided[place],
                stored=stored,
                work=work,
            )


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
