"""Sequel: what becomes of the items of a call that ended.

Answered, dead, asked again at once, or left for the sweep; and a document is merged once all of
its parts are answered. What an attempt came to is `attempt.py`'s to judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ..figures import CommonMessage
from ..state.rows import Status
from ..state.writer import Entry, Writer
from .attempt import Judge, Judged
from .divided import Divided, KeptPart
from .item import WorkItem, corrected, split_off
from .line import Line
from .outcome import Failure, FailureClass

_COMMON, _EXAMPLES = 10, 3
"""So many messages are told of a failure that is systematic, with so many items each."""


@dataclass(slots=True)
class Counts:
    """What this run did so far; for progress, not for the books."""

    done: int = 0
    dead: int = 0
    finished: int = 0
    """Items that ended a pass, whatever came of them."""
    failed: int = 0
    """Items that ended a pass without a usable answer."""
    erring: int = 0
    """Of those, items whose answers or refusals came from a provider that is well."""
    failures: Counter[str] = field(default_factory=Counter)
    """How often each message was the last word on an item in a pass."""
    first: dict[str, list[str]] = field(default_factory=dict)
    """The first items that each was said of."""
    on_erring: Callable[[Counts], None] | None = None
    """Told of every item that adds to `erring`."""

    def said_of(self, message: str, item_id: str) -> None:
        self.failures[message] += 1
        examples = self.first.setdefault(message, [])
        if len(examples) < _EXAMPLES:
            examples.append(item_id)

    def common(self, messages: Counter[str]) -> tuple[CommonMessage, ...]:
        """The most frequent ones of `messages`."""
        return tuple(
            CommonMessage(text, count, tuple(self.first.get(text, ())))
            for text, count in messages.most_common(_COMMON)
        )


class Sequel:
    """What follows for the items of one crew."""

    def __init__(self, line: Line, judge: Judge, writer: Writer, counts: Counts) -> None:
        self._line, self._judge, self._writer, self._counts = line, judge, writer, counts

    def follow(self, items: list[WorkItem], judged: list[Judged], worker: str) -> bool:
        """What follows for the items of one call; True where some of them are in line again."""
        if len(items) == 1 and judged[0].failure is None:  # nearly always
            self._answered(items[0], judged[0], worker)
            return False
        again: list[WorkItem] = []
        for item, one in zip(items, judged, strict=True):
            if one.failure is None:
                self._answered(item, one, worker)
                continue
            self._line.gave_up(item)
            if (next_try := _next_try(item, one, len(items))) is not None:
                again.append(next_try)
            else:
                self._failed(item, one.entry, one.failure)
        self._line.again(again)
        return bool(again)

    def _answered(self, item: WorkItem, judged: Judged, worker: str) -> None:
        self._line.answered(item)
        if item.whole is not None:
            self._merge(item.whole, item, judged.entry, worker)
            return
        self._counts.done += 1
        self._counts.finished += 1

    def _merge(self, whole: Divided, part: WorkItem, entry: Entry, worker: str) -> None:
        """A part is answered; with the last one of them the document is."""
        assert entry.content is not None
        whole.attempt = max(whole.attempt, entry.attempt)
        whole.answers[part.part] = KeptPart(
            entry.content, entry.confidence, entry.tokens_in, entry.tokens_out
        )
        if not whole.complete:
            return
        merged = self._judge.merged(whole, worker)
        self._writer.put(merged.entry)
        self._counts.done += 1
        self._counts.finished += 1
        if merged.failure is not None:
            self._counts.dead += 1
            self._count_failed(part, merged.failure)

    def _failed(self, item: WorkItem, entry: Entry, failure: Failure) -> None:
        """An item is dead, or waits for the sweep; a document once, however many parts failed."""
        whole = item.whole
        if entry.letter is not None:
            self._counts.done += 1
            self._counts.dead += 1
        if whole is None or not whole.failed:
            self._counts.finished += 1
            self._count_failed(item, failure)
        if whole is not None:
            whole.failed = True
            whole.dead |= entry.letter is not None

    def _count_failed(self, item: WorkItem, failure: Failure) -> None:
        counts = self._counts
        counts.failed += 1
        counts.said_of(failure.message, item.item_id)
        if failure.kind in (FailureClass.INVALID, FailureClass.PERMANENT):
            counts.erring += 1
            if counts.on_erring is not None:
                counts.on_erring(counts)


def _next_try(item: WorkItem, judged: Judged, company: int) -> WorkItem | None:
    """The item as it is asked again at once; None where it waits for the sweep, or is dead."""
    assert judged.failure is not None
    if judged.entry.status is Status.SPLIT:
        # What broke on the way may pass; what was answered badly is asked in smaller company.
        passing = judged.failure.kind is FailureClass.TRANSIENT
        return None if passing else split_off(item, company)
    return None if judged.entry.letter else corrected(item, judged.failure)
