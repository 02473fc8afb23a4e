"""Setbacks: failures that are not the item's but the provider's, and what they mean for everybody.

Throttled, away, broken, fatal: who waits, who goes back to the queue with no attempt used, and
when the batch stops. Calls that fail for the item's own sake are `attempt.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import BatchAIError, BatchHalted, ProviderAway
from ..spec.resolved import ResolvedJob
from .breaker import Breaker
from .gate import Gate
from .item import WorkItem
from .outcome import Failure, FailureClass

THROTTLED_SECONDS = 900.0
"""Nothing but 429 for this long, and the batch waits for better times."""
REFUSALS = 10
"""Documents refused in a row, none ever answered: it is not the documents."""


class Setbacks:
    """What one crew has suffered from its provider."""

    def __init__(
        self, job: ResolvedJob, gate: Gate, stop: Callable[[BatchAIError], None]
    ) -> None:
        self.breaker = Breaker(job.spec.retry.unreachable_seconds)
        self.throttled = 0
        """Calls turned away in this run."""
        self.ever_answered = False
        """True once anything of this version was answered: the provider can do it."""
        self._job = job
        self._provider = job.spec.model.provider
        self._gate = gate
        self._stop = stop
        self._throttled_since: float | None = None
        self._refused = 0

    def answered(self, sent_at: float) -> None:
        """A call came back, whatever it says."""
        self._throttled_since = None
        self.ever_answered = True
        if self.breaker.in_a_row:
            self.breaker.success(sent_at)

    def settled(self) -> None:
        """An attempt ended without an answer: not everything is turned away."""
        self._throttled_since = None

    def goes_back(
        self, item: WorkItem, failure: Failure, sent_at: float, now: float, *, alone: bool = True
    ) -> bool:
        """True where the failure is not the item's: it waits its turn again, no attempt used.

        `alone`: no other item was asked in the same request.
        """
        if failure.kind is FailureClass.FATAL:
            self._halt(f"{failure.message} Correct it, then run the batch again.")
            return True
        if failure.kind is FailureClass.THROTTLED:
            self._turned_away(item, failure, now)
            return True
        self._throttled_since = None
        if failure.kind is FailureClass.PERMANENT:
            self.breaker.success(sent_at)
            if alone:  # what a request in company is refused for may be one of them
                self._count_refusal(failure)
            return False
        away = failure.kind is FailureClass.UNREACHABLE
        first = item.attempt == 1 and not item.splits
        if away or first or not self.ever_answered:
            self.breaker.failure(now, failure.message, away=away)
        if self.breaker.give_up(now):
            self._stop(self.away())
        if self.breaker.open:
            self._gate.pause(now + self.breaker.next_pause(now))
        if away or (self.breaker.open and not failure.may_cost):
            return True  # the next probe is another item: this one may be the cause
        if failure.retry_after:
            self._gate.hold(now + failure.retry_after)
        return False

    def away(self) -> ProviderAway:
        """What the batch stops for."""
        said = self.breaker.last_message or "nor a probe"
        return ProviderAway(
            f"Provider {self._provider} does not answer ({said}). Items wait as pending, and the "
            "batch goes on by itself once it is back."
        )

    def _turned_away(self, item: WorkItem, failure: Failure, now: float) -> None:
        """Everybody waits; the item goes to the back, so that one alone cannot hold up the rest."""
        self.throttled += 1
        self._gate.hold(now + (failure.retry_after or 1.0))
        if self._throttled_since is None:
            self._throttled_since = now
        if now - self._throttled_since > THROTTLED_SECONDS:
            self._stop(
                ProviderAway(
                    f"Provider {self._provider} has turned every call away (429) "
                    f"for {THROTTLED_SECONDS / 60:.0f} minutes, the last one for item "
                    f"{item.item_id!r}. Items wait as pending, and the batch tries again by "
                    "itself; check limits and quota meanwhile.",
                )
            )

    def _count_refusal(self, failure: Failure) -> None:
        """A provider that never answered and refuses one document after the other refuses us."""
        self._refused += 1
        if not self.ever_answered and self._refused >= REFUSALS:
            self._stop(
                BatchHalted(
                    "provider",
                    f"Provider {self._provider} refused the first {self._refused} documents and "
                    f"answered none ({failure.message}) Correct the job or the provider, then run "
                    "the batch with --reprocess.",
                )
            )

    def _halt(self, said: str) -> None:
        self._stop(
            BatchHalted("provider", f"Provider {self._provider} for {self._job.name}: {said}")
        )
