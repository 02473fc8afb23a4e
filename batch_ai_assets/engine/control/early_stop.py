"""Early stop: a failure that is systematic is met with a halt, before it is paid for in bulk. Pure.

Three times: after the canary, the first items, which go alone; in the bulk, where the last items
fail clearly more often than may be; and after the primary pass, before the retry sweep would pay
for the same failure again.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from math import sqrt

from ..spec.early_stop import EarlyStopSpec

REASON = "systematic_failure"
_SHOWN = 3
_BEYOND_CHANCE = 6.0
"""Standard deviations. A sliding window is looked at once for every failure, a hundred thousand
times in a large batch: at a rate that is allowed, chance must not stop one."""


@dataclass(frozen=True, slots=True)
class PassFigures:
    """What one pass came to."""

    finished: int
    """Items that were asked and ended the pass, whatever came of them."""
    failed: int
    """Of those, items without a usable answer."""
    erring: int
    """Of these, items that were answered or refused, but not usably: the provider is well."""
    followers: int
    """Items whose question was asked for another item: another pass serves them."""
    messages: Counter[str]
    """The last word on each failed item."""

    def after(self, canary: PassFigures) -> PassFigures:
        """With the canary's items: those of them that failed were asked again in this pass."""
        return replace(self, finished=self.finished + canary.finished - canary.failed)

    @property
    def share(self) -> float:
        return self.failed / self.finished if self.finished else 0.0


class Recent:
    """The last items of the bulk, and how many of them a well provider did not answer usably."""

    def __init__(self, spec: EarlyStopSpec) -> None:
        allowed = spec.failed * spec.window
        self.most = allowed + _BEYOND_CHANCE * sqrt(allowed * (1 - spec.failed))
        self._spec = spec
        self._failed_at: deque[int] = deque()

    def failed(self, finished: int) -> str:
        """The newest of so many items failed: why no more must be asked; empty where they may."""
        failed, window = self._failed_at, self._spec.window
        failed.append(finished)
        while failed[0] <= finished - window:
            failed.popleft()
        if len(failed) <= self.most:
            return ""
        return (
            f"{len(failed):,} of the last {min(window, finished):,} documents gave no usable "
            f"answer, clearly above early_stop.failed ({self._spec.failed:.0%}); the rest was not "
            "asked. "
        )


def wants_window(spec: EarlyStopSpec, to_ask: int) -> bool:
    """Whether the batch is large enough to be stopped by a share."""
    return spec.failed < 1 and to_ask >= spec.min_items


def wants_canary(spec: EarlyStopSpec, to_ask: int) -> bool:
    """Whether the batch is large enough for its first items to go alone."""
    return 0 < spec.canary_items * 10 <= to_ask


def after_canary(spec: EarlyStopSpec, found: PassFigures) -> str:
    """Why the bulk must not follow; empty where it may."""
    if found.erring <= spec.canary_failed * found.finished:
        return ""
    return (
        f"{found.erring:,} of the first {found.finished:,} documents gave no usable answer, above "
        f"early_stop.canary_failed ({spec.canary_failed:.0%}); the rest was not asked. "
        f"{words(found.messages)}"
    )


def after_primary_pass(spec: EarlyStopSpec, found: PassFigures) -> str:
    """Why no retry sweep must follow; empty where it may."""
    if found.finished < spec.min_items or found.share <= spec.failed:
        return ""
    return (
        f"{found.failed:,} of {found.finished:,} documents ({found.share:.1%}) gave no usable "
        f"answer, above early_stop.failed ({spec.failed:.0%}); they were not asked again. "
        f"{words(found.messages)}"
    )


def words(messages: Counter[str]) -> str:
    said = "; ".join(f"{count:,} × {text}" for text, count in messages.most_common(_SHOWN))
    return f"Most common: {said}" if said else ""
