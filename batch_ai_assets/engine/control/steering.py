"""Decision: whether a batch at work, or about to be, must stop. Pure.

It is asked before the first call and every second after it, so that an order reaches a run in
another process. What the store knows is read by `inference/steered.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BatchCancelled, BatchPaused, BatchStopped
from ..order import Order, OrderKind
from ..state.boosts import Boost
from ..state.outages import Outage
from .wording import moment


@dataclass(frozen=True, slots=True)
class Told:
    """What speaks to a batch from outside at one moment."""

    order: Order | None = None
    """The newest order of a person."""
    hours_begin: float | None = None
    """When the off-peak hours begin that it waits for; None where it may ask now."""
    boost: Boost | None = None
    """How a run is hurried, because its deadline is in danger."""
    outage: Outage | None = None
    """The last one of its provider."""


def must_stop(job: str, batch: str, told: Told) -> BatchStopped | None:
    """Why the batch must make no further call; None where it may."""
    order = told.order
    if order is None or order.kind is OrderKind.RESUME:
        return _away(job, batch, told.outage) or _wait_for_hours(job, batch, told.hours_begin)
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


def _wait_for_hours(job: str, batch: str, begin: float | None) -> BatchStopped | None:
    if begin is None:
        return None
    return BatchPaused(
        "window",
        f"Batch {job}/{batch} waits for its off-peak hours (batches.off_peak), which begin "
        f"{moment(begin)}; it goes on by itself then. What was answered is kept.",
    )


def _away(job: str, batch: str, outage: Outage | None) -> BatchPaused | None:
    if outage is None or not outage.lasts:
        return None
    return BatchPaused(
        "provider",
        f"Batch {job}/{batch} waits for provider {outage.provider}, as another run found out: "
        f"{outage.message} It is asked again from time to time, and the batch goes on by itself.",
    )
