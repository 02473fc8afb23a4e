"""What the server saw, per item and in all, so that lost and double-paid items show from outside.

An answer counts when its bytes are handed to the socket of a client that is still there. A call
whose client left before that is `abandoned`: the model worked, nobody was told. Counting follows
the provider's view of money: every 2xx answer costs its tokens, whatever its content says.

Here: counting. Not here: deciding anything.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .documents import Document


@dataclass(slots=True)
class ItemStats:
    """One item's share."""

    calls: int = 0
    answers: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Stats:
    """Counters since the start or the last reset. Times are seconds since the epoch."""

    calls: int = 0
    """Chat requests that came in, refused ones included."""
    answers: int = 0
    """2xx answers handed to a client that was there."""
    abandoned: int = 0
    """Calls whose client left before the answer was sent."""
    throttled: int = 0
    """Calls refused by the request or token bucket (a 429 of the fault plan is not one)."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt tokens, those that replies called cached."""
    in_flight: int = 0
    max_in_flight: int = 0
    first_call_at: float | None = None
    last_call_at: float | None = None
    first_answer_at: float | None = None
    last_answer_at: float | None = None
    by_status: Counter[str] = field(default_factory=Counter)
    """Chat requests by HTTP status; `reset` and `hang` for those that got none."""
    items: dict[str, ItemStats] = field(default_factory=dict)

    def arrived(self) -> None:
        """A chat request came in."""
        self.calls += 1
        self.last_call_at = time.time()
        if self.first_call_at is None:
            self.first_call_at = self.last_call_at
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def asked(self, documents: tuple[Document, ...]) -> None:
        """The request that came in asks about these documents."""
        items = self.items
        for document in documents:
            item = items.get(document.item)
            if item is None:
                item = items[document.item] = ItemStats()
            item.calls += 1

    def ended(self, status: str) -> None:
        """A call ended with this status, its answer handed to the socket where there was one."""
        self.in_flight -= 1
        self.by_status[status] += 1

    def left(self) -> None:
        """A client went away before its answer."""
        self.in_flight -= 1
        self.abandoned += 1

    def answered(
        self,
        documents: tuple[Document, ...],
        prompt_tokens: int,
        completion_tokens: int,
        cached_tokens: int = 0,
    ) -> None:
        """A 2xx answer about these documents was handed to the socket.

        The tokens of a packed request are shared evenly, the remainder going to the first items.
        """
        self.answers += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.cached_tokens += cached_tokens
        self.last_answer_at = time.time()
        if self.first_answer_at is None:
            self.first_answer_at = self.last_answer_at
        if not documents:
            return
        share, remainder = divmod(prompt_tokens + completion_tokens, len(documents))
        for position, document in enumerate(documents):
            item = self.items.setdefault(document.item, ItemStats())
            item.answers += 1
            item.tokens += share + (position < remainder)

    def reset(self) -> None:
        """Start counting anew; calls in flight stay in flight."""
        fresh = Stats(in_flight=self.in_flight, max_in_flight=self.in_flight)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def report(self, *, items: bool) -> dict[str, Any]:
        """The body of `GET /stats`."""
        body: dict[str, Any] = {
            name: getattr(self, name)
            for name in self.__slots__
            if name not in ("items", "by_status")
        }
        body["cost_tokens"] = self.prompt_tokens + self.completion_tokens
        body["by_status"] = dict(self.by_status)
        body["distinct_items"] = len(self.items)
        body["answered_more_than_once"] = sum(i.answers > 1 for i in self.items.values())
        if items:
            body["items"] = {
                name: {"calls": i.calls, "answers": i.answers, "tokens": i.tokens}
                for name, i in self.items.items()
            }
        return body
