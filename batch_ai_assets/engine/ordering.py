"""What a person orders of a batch: pause, go on, give up.

A run at work hears of it within a second (`inference/steered.py`) and stops by itself. Where none
is, the batch is moved here.
"""

from __future__ import annotations

from dataclasses import dataclass

from .control.steering import Told, must_stop
from .deps import Deps, Run
from .errors import BatchStopped, OrderError
from .held import held
from .inference.steered import told
from .order import Order, OrderKind
from .spec.resolved import ResolvedJob
from .state.life_cycle import State


@dataclass(frozen=True, slots=True)
class Ordered:
    """What came of an order."""

    said: str
    waits_for_run: bool = False
    """A run must be started for it: the sensor `resumes` does that, or a person."""


def order(
    job: ResolvedJob, batch: str, kind: OrderKind, run: Run, deps: Deps, *, why: str = ""
) -> Ordered:
    """Record the order, and carry it out where no run does. Raises OrderError where it makes no
    sense for the batch as it is."""
    store, name = deps.store, f"{job.name}/{batch}"
    state = store.batches.state(job.name, batch)
    _prove_sensible(name, state, kind, store.orders.standing(job.name, batch))
    store.orders.add(job.name, batch, kind, who=run.who, why=why)
    store.batches.note(run.who, kind.value, job.name, batch, detail=why)
    if kind is OrderKind.RESUME:
        if still := _still_waits(job, batch, state, deps):
            return Ordered(f"{name} may go on, but: {still}")
        return Ordered(f"{name} goes on.", waits_for_run=state is not State.RUNNING)
    if store.leases.holder(job.name, batch) is not None:
        return Ordered(f"{name} is at work and stops within seconds; calls in flight are kept.")
    standing = Order(kind, why, run.who, store.clock())
    stop = must_stop(job.name, batch, Told(order=standing))
    assert stop is not None
    try:
        with held(job, batch, run, deps):
            raise stop
    except BatchStopped as done:
        return Ordered(str(done))


def _still_waits(
    job: ResolvedJob, batch: str, state: State | None, deps: Deps
) -> BatchStopped | None:
    """What holds the batch up beside orders, and passes by itself."""
    plan = deps.store.batches.latest_plan(job.name, batch)
    if plan is None or plan.planned_at is None or state is State.RUNNING:
        return None
    return must_stop(job.name, batch, told(job, plan, deps))


def _prove_sensible(
    name: str, state: State | None, kind: OrderKind, standing: Order | None
) -> None:
    if state is None:
        raise OrderError(f"There is no batch {name}. `batch-ai status` lists the batches.")
    if state.finished:
        raise OrderError(
            f"Batch {name} is {state.value.replace('_', ' ')}: there is nothing to {kind.value}."
        )
    by_order = standing is not None and standing.kind is OrderKind.PAUSE
    if kind is OrderKind.PAUSE and state is State.PAUSED and by_order:
        raise OrderError(f"Batch {name} is paused already.")
