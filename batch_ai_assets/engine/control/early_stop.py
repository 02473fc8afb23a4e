"""Early stop: a failure that is systematic is met with a halt, before it is paid for in bulk. Pure.

Twice: after the canary, the first items, which go alone; and after the primary pass, before the
retry sweep would pay for the same failure again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ..spec.early_stop import EarlyStopSpec

REASON = "systematic_failure"
_SHOWN = 3


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
        f"{_words(found.messages)}"
    )


def after_primary_pass(spec: EarlyStopSpec, found: PassFigures) -> str:
    """Why no retry sweep must follow; empty where it may."""
    if found.finished < spec.min_items or found.share <= spec.failed:
        return ""
    return (
        f"{found.failed:,} of {found.finished:,} documents ({found.share:.1%}) gave no usable "
        f"answer, above early_stop.failed ({spec.failed:.0%}); they were not asked again. "
        f"{_words(found.messages)}"
    )


def _words(messages: Counter[str]) -> str:
    said = "; ".join(f"{count:,} × {text}" for text, count in messages.most_common(_SHOWN))
    return f"Most common: {said}" if said else ""
