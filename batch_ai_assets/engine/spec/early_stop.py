"""EarlyStopSpec: when failures are systematic and the batch stops for a person. Shapes only; the
decision is in `engine/control/early_stop.py`.
"""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveInt

from .base import Model


class EarlyStopSpec(Model):
    """When a batch stops before a failure is paid for in bulk. Shares between 0 and 1."""

    canary_items: NonNegativeInt = 20
    """So many documents go first and alone, in batches of at least ten times as many; 0: none."""
    canary_failed: float = Field(default=0.5, ge=0, le=1)
    """A larger share of them without a usable answer stops the batch before the rest is asked."""
    failed: float = Field(default=0.05, ge=0, le=1)
    """A larger share of failed documents after all were asked once stops the batch before they
    are asked again; 1: never."""
    window: PositiveInt = 200
    """While the bulk is asked, the batch stops where of so many last documents clearly more than
    that share got no usable answer from a provider that is well."""
    min_items: PositiveInt = 1000
    """No batch with fewer documents is stopped by that share."""
