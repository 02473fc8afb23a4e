"""BudgetSpec: what a batch of the job, and a month of its batches, may cost. Shapes only.

How it is kept is `engine/control/budget.py`'s.
"""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from .base import Model


class BudgetSpec(Model):
    """What a batch may cost. Required: a job without an end to its spending does not load."""

    limit_usd: PositiveFloat | None = None
    """USD for a version of a batch; needed where the model has a price."""
    limit_tokens: PositiveInt | None = None
    """Tokens for a version of a batch, sent and answered; needed where the model is free."""
    usd_per_month: PositiveFloat | None = None
    """USD for all batches of the job in a month (UTC)."""
    tokens_per_month: PositiveInt | None = None
    """Tokens for all batches of the job in a month (UTC)."""
    before_start: Literal["approve", "warn"] = "approve"
    """A batch whose estimate is above its limit waits for an approval before its first call, or
    only warns and halts where the limit is reached."""
    worker_usd_per_hour: NonNegativeFloat = 0.0
    """What an hour of the machine costs that works on a batch; counts in estimates and reports."""

    @model_validator(mode="after")
    def _some_limit(self) -> BudgetSpec:
        if self.limit_usd is None and self.limit_tokens is None:
            raise ValueError("set limit_usd, or limit_tokens for a free model")
        return self
