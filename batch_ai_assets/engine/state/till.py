"""Till: where a run draws on its accounts, in the commits of its writer.

So a draw costs no transaction of its own, and money rows and accounts never disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from .approvals import Allowed, allowed_now
from .budgets import Budgets, Limit
from .funds import Bound, Drawn, Spender
from .rows import Plan

LimitsOf = Callable[[Allowed, float], Sequence[Limit]]
"""From what was approved and the time to what may be spent now, on which accounts."""


class Till:
    """The draws of one run of one batch version."""

    def __init__(
        self, budgets: Budgets, plan: Plan, run_id: str, spender: Spender, limits_of: LimitsOf
    ) -> None:
        self._budgets, self._plan, self._run_id = budgets, plan, run_id
        self._limits_of = limits_of
        self.spender = spender

    def draw(self, connection: sa.Connection, settled: Bound, wish: Bound) -> Drawn:
        """Within a transaction, which may be repeated: nothing else is changed."""
        allowed = allowed_now(connection, self._plan)
        limits = self._limits_of(allowed, self._budgets.clock())
        return self._budgets.draw(connection, self._plan, self._run_id, limits, settled, wish)
