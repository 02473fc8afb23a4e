"""Decision: whether a batch at work, or about to be, must stop. Pure.

It is asked before the first call and every second after it, so that an order reaches a run in
another process. What the store knows is read by `inference/steered.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BatchCancelled, BatchPaused, BatchStopped
from ..order import Order, OrderKind


@dataclass(frozen=True, slots=True)
class Told:
    """What speaks to a batch from outside at one moment."""

    order: Order | None = None
    """The newest order of a person."""


def must_stop(job: str, batch: str, told: Told) -> BatchStopped | None:
    """Why the batch must make no further call; None where it may."""
    order = told.order
    if order is None or order.kind is OrderKind.RESUME:
        return None
    said = f"by {order.who}" + (f" ({order.why})" if order.why else "")
    if order.kind is OrderKind.CANCEL:
        return BatchCancelled(
            f"Batch {job}/{batch} was cancelled {said}. What was answered is kept; what was "
            "pending is not asked."
        )
    return BatchPaused(
        "person",
        f"Batch {job}/{batch} was paused {said}. What was answered is kept; "
        f"`batch-ai resume {job} {batch}` lets it go on.",
    )
