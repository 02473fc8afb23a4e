"""Purse: money is reserved before it is spent (promise 4), in this process. Pure.

A call may leave only if everything settled, everything in flight at its upper bound, and its own
upper bound fit the limit together. So the limit cannot be passed, whatever the answers cost.
"""

from __future__ import annotations

import msgspec

from ..spec.job import BudgetSpec
from ..spec.provider import Price


class Bound(msgspec.Struct, frozen=True, gc=False):
    """The most one call can cost."""

    usd: float
    tokens: int


class Purse:
    """The budget of one batch version."""

    def __init__(
        self, budget: BudgetSpec, price: Price, spent_usd: float = 0.0, spent_tokens: int = 0
    ) -> None:
        self._limit_usd = float("inf") if budget.limit_usd is None else budget.limit_usd
        self._limit_tokens = float("inf") if budget.limit_tokens is None else budget.limit_tokens
        self.price = price
        self.spent_usd = spent_usd
        self.spent_tokens = spent_tokens
        self._reserved_usd = 0.0
        self._reserved_tokens = 0
        self.in_flight = 0

    def bound(self, most_tokens_in: int, max_tokens: int) -> Bound:
        """Upper bound of a call: every byte a token, the answer as long as allowed."""
        return Bound(self.price.cost_usd(most_tokens_in, max_tokens), most_tokens_in + max_tokens)

    def reserve(self, bound: Bound) -> bool:
        """True, and the call may leave; False, and nothing was reserved."""
        if (
            self.spent_usd + self._reserved_usd + bound.usd > self._limit_usd
            or self.spent_tokens + self._reserved_tokens + bound.tokens > self._limit_tokens
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

    def shortfall(self, bound: Bound) -> str:
        """Which limit stands in the way of a call that could not be reserved, for people."""
        if self.spent_usd + self._reserved_usd + bound.usd > self._limit_usd:
            return (
                f"{self.spent_usd:.4f} USD of {self._limit_usd:.4f} USD are spent, and the next "
                f"call may cost up to {bound.usd:.4f} USD"
            )
        return (
            f"{self.spent_tokens:,} of {self._limit_tokens:,} tokens are used, and the next call "
            f"may take up to {bound.tokens:,}"
        )
