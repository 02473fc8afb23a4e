"""The survey: what becomes of every item of a manifest, and how much work there is in each group.

One pass; it remembers three bytes an item, so that a second pass can write the plan with every
item in its shard. Nothing is written here but claims.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..spec.resolved import ResolvedJob
from ..state.claims import Claim
from ..state.store import StateStore
from .carried import Carried
from .fate import Fate
from .groups import Group, groups_of, place_of


@dataclass(frozen=True, slots=True)
class Candidates:
    """A chunk of the manifest, column by column."""

    item_ids: Sequence[str]
    input_hashes: Sequence[bytes]
    """sha256 of each text."""
    tokens: Sequence[int]
    kinds: Sequence[str]
    changed: Sequence[datetime | None]
    problems: Sequence[str | None]
    """Reason of each item's problem, if it has one."""


class Survey:
    """Looks at the items of one batch in the order of the manifest."""

    def __init__(
        self,
        job: ResolvedJob,
        batch: str,
        store: StateStore,
        *,
        may_skip: bool,
        claim: bool,
        carried: Carried | None = None,
    ) -> None:
        """`claim`: items are taken for this batch; otherwise nothing is written at all.
        `carried`: what is said of them already."""
        self.groups: list[Group] = groups_of(job)
        self.fates = bytearray()
        self.places = array("H")
        """Which of `groups` each item belongs to."""
        self.counts: Counter[Fate] = Counter()
        self._job, self._batch, self._store = job, batch, store
        self._may_skip, self._claim, self._carried = may_skip, claim, carried

    def look(self, items: Candidates) -> None:
        """Decide what becomes of the next items."""
        places = [
            place_of(self._job, kind, tokens, changed)
            for kind, tokens, changed in zip(
                items.kinds, items.tokens, items.changed, strict=True
            )
        ]
        hashes = [
            self.groups[place].template.request_hash(input_hash, tokens)
            for place, input_hash, tokens in zip(
                places, items.input_hashes, items.tokens, strict=True
            )
        ]
        skipped = self._skipped(items, hashes) | self._said(items, hashes)
        for index, place in enumerate(places):
            group, tokens = self.groups[place], items.tokens[index]
            fate = skipped.get(index, Fate.ASK)
            if fate is Fate.ASK and items.problems[index]:
                fate = Fate.PROBLEM
            elif fate is Fate.ASK and group.too_long(tokens):
                fate = Fate.TOO_LONG
            elif fate is Fate.ASK:
                group.add(tokens)
            self.counts[fate] += 1
            self.fates.append(fate)
            self.places.append(place)

    def _said(self, items: Candidates, hashes: Sequence[bytes]) -> dict[int, Fate]:
        """index → what the version before and people say of the item."""
        if self._carried is None:
            return {}
        first = len(self.fates)
        said = {
            index: self._carried.fate(first + index, item_id, input_hash, request_hash)
            for index, (item_id, input_hash, request_hash) in enumerate(
                zip(items.item_ids, items.input_hashes, hashes, strict=True)
            )
        }
        return {index: fate for index, fate in said.items() if fate is not None}

    def _skipped(self, items: Candidates, hashes: Sequence[bytes]) -> dict[int, Fate]:
        """index → why the item needs no call of this batch."""
        job, batch, store = self._job.name, self._batch, self._store
        skipped: dict[int, Fate] = {}
        # Claims first: a batch that finishes meanwhile has released by the time that is looked at.
        held: set[Claim] = set()
        pairs = list(zip(items.item_ids, items.input_hashes, strict=True))
        if self._claim:
            held = store.claims.take(job, batch, pairs)
        if self._may_skip:
            released = store.items.released_elsewhere(job, batch, items.item_ids)
            letters = store.items.open_dead_letters(job, batch, items.item_ids)
            given_up = store.decisions.given_up_elsewhere(job, batch, items.item_ids)
            for index, pair in enumerate(zip(items.item_ids, hashes, strict=True)):
                if released.get(pair[0]) == pair[1]:
                    skipped[index] = Fate.UNCHANGED
                elif pair in letters:
                    skipped[index] = Fate.OPEN_DEAD_LETTER
                elif pairs[index] in given_up:
                    skipped[index] = Fate.GIVEN_UP_BEFORE
        skipped |= {index: Fate.CLAIMED for index, pair in enumerate(pairs) if pair in held}
        return skipped
