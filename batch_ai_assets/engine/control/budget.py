"""Purse: money is reserved before it is spent (promise 4). Pure; one for each run.

Two steps, so that no number of processes passes a limit together and no call waits for a disk.
A run draws on the accounts of the state store in small blocks (`state/budgets.py`); a call is
reserved from what was drawn, at its upper bound, and may leave only then. What is drawn and not
spent is held: it counts against the limit until it is settled, given back, or written off because
its run died.
"""

from __future__ import annotations

from collections.abc import Callable

from ..spec.budget import BudgetSpec
from ..spec.job import JobSpec
from ..spec.provider import Price, ProviderLimits
from ..state.approvals import Allowed
from ..state.budgets import Limit, of_month, of_version
from ..state.funds import Bound, Drawn
from ..state.rows import Plan

__all__ = ["Bound", "Purse", "limits_of", "version_limits"]

_AHEAD = 10
"""So many times what was spent since the last draw is held beyond what is in flight: draws come
with commits, ten in a second."""
_FIRST = 4
"""So many calls are drawn for at once where a run begins: what it holds is lost if it dies."""


_OF_VERSION = "the limit of this version of the batch"
_NOTHING = Drawn(0.0, 0, float("inf"), float("inf"), 0.0, 0.0, "", "", "", "")


def version_limits(budget: BudgetSpec, allowed: Allowed) -> tuple[float | None, int | None]:
    """USD and tokens that a version may come to: an approval takes the place of what the job says;
    None where nothing limits it."""
    return (
        budget.limit_usd if allowed.limit_usd is None else allowed.limit_usd,
        budget.limit_tokens if allowed.limit_tokens is None else allowed.limit_tokens,
    )


def limits_of(
    spec: JobSpec, allows: ProviderLimits, plan: Plan, allowed: Allowed, at: float
) -> tuple[Limit, ...]:
    """Every limit that a call of this version counts against at `at`, UTC seconds. No approval
    lifts a month's cap: those stand in their files."""
    budget, provider = spec.budget, spec.model.provider
    usd, tokens = version_limits(budget, allowed)
    return (
        Limit(of_version(plan), usd, tokens, _OF_VERSION),
        Limit(
            of_month("job", spec.job, at), budget.usd_per_month, budget.tokens_per_month,
            f"the cap of {spec.job} for this month",
        ),
        Limit(
            of_month("provider", provider, at), allows.usd_per_month, None,
            f"the cap of {provider} for this month",
        ),
    )  # fmt: skip


class Purse:
    """What one run may spend. The thread of the calls reserves and settles; that of the commits
    draws and is granted: neither writes what the other does."""

    def __init__(
        self,
        price: Price,
        spent_usd: float = 0.0,
        spent_tokens: int = 0,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` is called from the thread of the commits."""
        self.price = price
        self.wake = wake
        self.spent_usd = spent_usd
        """By the whole version, what earlier runs spent included."""
        self.spent_tokens = spent_tokens
        self.in_flight = 0
        self.last = _NOTHING
        """The newest draw."""
        self.draws = 0
        self._granted_usd, self._granted_tokens = spent_usd, spent_tokens
        self._reserved_usd, self._reserved_tokens = 0.0, 0
        self._seen_usd, self._seen_tokens = spent_usd, spent_tokens
        self.short: Bound | None = None
        """A call that waits for a draw."""

    def bound(self, most_tokens_in: int, max_tokens: int) -> Bound:
        """Upper bound of a call: every byte a token, the answer as long as allowed."""
        return Bound(self.price.cost_usd(most_tokens_in, max_tokens), most_tokens_in + max_tokens)

    def reserve(self, bound: Bound) -> bool:
        """True, and the call may leave; False, and nothing was reserved."""
        if (
            self.spent_usd + self._reserved_usd + bound.usd > self._granted_usd
            or self.spent_tokens + self._reserved_tokens + bound.tokens > self._granted_tokens
        ):
            return False
        self._reserved_usd += bound.usd
        self._reserved_tokens += bound.tokens
        self.in_flight += 1
        return True

    def settle(self, bound: Bound, cost_usd: float, tokens: int) -> None:
        """The call ended: its reservation gives way to what it cost (0 where it cost nothing)."""
        self._reserved_usd -= bound.usd
        self._reserved_tokens -= bound.tokens
        self.in_flight -= 1
        if not self.in_flight:
            self._reserved_usd = 0.0  # no crumbs of rounding
        self.spent_usd += cost_usd
        self.spent_tokens += tokens

    def wish(self) -> Bound:
        """What the next draw should bring: as much again as is in flight, and a second's spending;
        for a call that waits, enough for many like it."""
        usd = max(self._reserved_usd, _AHEAD * (self.spent_usd - self._seen_usd))
        tokens = max(self._reserved_tokens, _AHEAD * (self.spent_tokens - self._seen_tokens))
        self._seen_usd, self._seen_tokens = self.spent_usd, self.spent_tokens
        if self.short is not None:
            usd, tokens = max(usd, _FIRST * self.short.usd), max(tokens, _FIRST * self.short.tokens)
        free_usd = self._granted_usd - self.spent_usd - self._reserved_usd
        free_tokens = self._granted_tokens - self.spent_tokens - self._reserved_tokens
        return Bound(max(0.0, usd - free_usd), max(0, tokens - free_tokens))

    def grant(self, drawn: Drawn) -> None:
        self._granted_usd += drawn.usd
        self._granted_tokens += drawn.tokens
        self.last = drawn
        self.draws += 1
        if self.short is not None:
            self.short = None
            self.wake()

    @property
    def all_told(self) -> bool:
        """Whether the last draw knew of all that is spent."""
        return self.spent_usd == self._seen_usd and self.spent_tokens == self._seen_tokens

    def beyond(self, bound: Bound) -> bool:
        """Whether the call does not fit what is left, as the last draw found it."""
        return (
            bound.usd > self.last.room_usd + self._free_usd()
            or bound.tokens > self.last.room_tokens + self._free_tokens()
        )

    def shortfall(self, bound: Bound) -> str:
        """Which limit stands in the way of a call that could not be reserved, for people."""
        if bound.usd > self.last.room_usd + self._free_usd():
            return (
                f"{self.last.usd_words} are spent, and the next call may cost up to "
                f"{bound.usd:.4f} USD ({self.last.usd_limit})"
            )
        return (
            f"{self.last.tokens_words} are used, and the next call may take up to "
            f"{bound.tokens:,} ({self.last.tokens_limit})"
        )

    def halts_for(self, bound: Bound) -> tuple[str, str]:
        """The reason with which a batch halts for that, and the option that allows more of it:
        an approval lifts the limit of a version, not the cap of a month."""
        usd = bound.usd > self.last.room_usd + self._free_usd()
        limit = self.last.usd_limit if usd else self.last.tokens_limit
        option = "--limit-usd USD" if usd else "--limit-tokens N"
        return "budget" if limit == _OF_VERSION else "month_cap", option

    def beyond_all(self, bound: Bound) -> bool:
        """Whether it would not fit either if other runs gave back all that they hold."""
        more_usd, more_tokens = self.last.elsewhere_usd, self.last.elsewhere_tokens
        return (
            bound.usd > self.last.room_usd + self._free_usd() + more_usd
            or bound.tokens > self.last.room_tokens + self._free_tokens() + more_tokens
        )

    def _free_usd(self) -> float:
        return self._granted_usd - self.spent_usd - self._reserved_usd

    def _free_tokens(self) -> int:
        return self._granted_tokens - self.spent_tokens - self._reserved_tokens
