"""Line: the items that are next, grouped as they are asked, and the questions under way.

Equal questions are asked once: while one is under way, others of the same kind stand aside, and
the next pass serves them from the stored answer. Pure: no clock, no waiting, no reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from .item import WorkItem

_RECENT = 8192
"""Answers of which items that were read before them may not know: more than are ever in line."""


class Line:
    """What the workers of one crew take from. Not shared between threads."""

    def __init__(
        self, together: int = 1, room: int = 0, item_weight: int = 0, *, asks_once: bool = True
    ) -> None:
        """`together`: the most items in one request; `room`: tokens that they may have in all,
        each with `item_weight` beside its own. `asks_once`: equal questions wait for each other.
        """
        self._together = together
        self._room = room
        self._asks_once = asks_once
        self._ready: deque[WorkItem] = deque()
        self._flying: set[bytes] = set()
        self._recent: deque[bytes] = deque()
        self._ended = False
        self._item_weight = item_weight
        self.followers = 0
        """Items that stood aside, since the line began."""

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def ended(self) -> bool:
        """No more items will be fed."""
        return self._ended

    @property
    def empty(self) -> bool:
        """Nothing is in line and nothing will be fed."""
        return self._ended and not self._ready

    def begin(self) -> None:
        """A new pass: whatever was under way is in the store by now, or not answered."""
        self._ended = False
        self._ready.clear()
        self._flying.clear()
        self._recent.clear()

    def feed(self, items: Iterable[WorkItem]) -> None:
        self._ready.extend(items)

    def end(self) -> None:
        """All was fed."""
        self._ended = True

    def take(self) -> list[WorkItem]:
        """The items of the next request; nothing where more must be fed before there is one.

        A request waits until enough items are in line to fill it, or no more will come.
        """
        ready = self._ready
        if len(ready) < self._together and not self._ended:
            return []
        while ready:
            item = ready.popleft()
            if self._sets_out(item):
                return [item] if item.together == 1 else self._joined(item)
        return []

    def _joined(self, first: WorkItem) -> list[WorkItem]:
        """`first` and the items behind it that go along, in their order."""
        ready, company = self._ready, [first]
        most, left = first.together, self._room - first.tokens - self._item_weight
        while ready and len(company) < most:
            item = ready[0]
            left -= item.tokens + self._item_weight
            if item.together != most or left < 0:
                break
            ready.popleft()
            if self._sets_out(item):
                company.append(item)
            else:
                left += item.tokens + self._item_weight
        return company

    def _sets_out(self, item: WorkItem) -> bool:
        """True where nobody asks the same now; otherwise the item stands aside."""
        if item.whole is not None and item.whole.dead:
            return False  # nothing that a part says can help the document any more
        if not self._asks_once:
            return True
        if item.request_hash in self._flying:
            self.followers += 1
            return False
        self._flying.add(item.request_hash)
        return True

    def answered(self, item: WorkItem) -> None:
        """Its answer is on its way into the store: what was read before may not know of it."""
        if not self._asks_once:
            return
        if len(self._recent) == _RECENT:
            self._flying.discard(self._recent.popleft())
        self._recent.append(item.request_hash)

    def gave_up(self, item: WorkItem) -> None:
        """It was not answered; the same question may be asked again."""
        self._flying.discard(item.request_hash)

    def back(self, items: Sequence[WorkItem]) -> None:
        """To the end of the line: turned away, for no fault of theirs."""
        for item in items:
            self.gave_up(item)
        self._ready.extend(items)

    def again(self, items: Sequence[WorkItem]) -> None:
        """To its head, in their order: asked otherwise, at once."""
        for item in items:
            self.gave_up(item)
        self._ready.extendleft(reversed(items))
