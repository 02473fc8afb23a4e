"""Shards: items of a group cut into parts of about equal work, by longest processing time first.

Items of the same size are interchangeable, so the cut is made over counts of sizes: exact, and in
memory that depends on how many different sizes there are, not on how many items. (R. L. Graham,
"Bounds on multiprocessing timing anomalies", 1969.)
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence


class Cut:
    """Which shard each item of a group goes to, by its size in tokens."""

    def __init__(self, sizes: Mapping[int, int], shards: int, first: int = 0) -> None:
        """`sizes`: tokens → how many items have so many; `first`: number of the first shard."""
        self.loads = [0] * shards
        """Tokens of each shard."""
        self.counts = [0] * shards
        """Items of each shard."""
        self._first = first
        self._left: dict[int, list[list[int]]] = {}
        heap = [(0, number) for number in range(shards)]
        for size in sorted(sizes, reverse=True):
            self._left[size] = self._spread(size, sizes[size], heap)

    def _spread(self, size: int, items: int, heap: list[tuple[int, int]]) -> list[list[int]]:
        """[shard, items] pairs: each item to the shard with the least work so far."""
        given: Counter[int] = Counter()
        for _ in range(items):
            load, number = heap[0]
            heapq.heapreplace(heap, (load + size, number))
            given[number] += 1
        for number, count in given.items():
            self.loads[number] += size * count
            self.counts[number] += count
        return [[number, count] for number, count in given.items()]

    def parts(self) -> list[tuple[int, int, int]]:
        """(number, items, tokens) of each shard."""
        return [
            (self._first + place, count, load)
            for place, (count, load) in enumerate(zip(self.counts, self.loads, strict=True))
        ]

    def take(self, size: int) -> int:
        """The shard of the next item of this size."""
        places = self._left[size]
        place = places[-1]
        place[1] -= 1
        if place[1] == 0:
            places.pop()
        return self._first + place[0]


def shards_of_groups(
    tokens: Sequence[int], items: Sequence[int], seconds: Sequence[float],
    target_seconds: float, forced: int | None,
) -> list[int]:
    """How many shards each group gets; 0 for a group without items.

    By the estimated seconds of its work, or `forced` ones in all, by its share of the tokens. No
    group gets more shards than it has items.
    """  # fmt: skip
    if forced is None:
        wanted = [max(1, round(spent / target_seconds)) for spent in seconds]
    else:
        wanted = _shared_out(tokens, items, forced)
    return [min(count, most) for count, most in zip(wanted, items, strict=True)]


def _shared_out(tokens: Sequence[int], items: Sequence[int], shards: int) -> list[int]:
    """`shards` over the groups, one at least for each with items, the rest where most is left."""
    wanted = [1 if count else 0 for count in items]
    for _ in range(shards - sum(wanted)):
        room = [place for place, count in enumerate(items) if wanted[place] < count]
        if not room:
            break
        # The group whose shards are the heaviest now.
        wanted[max(room, key=lambda place: tokens[place] / wanted[place])] += 1
    return wanted
