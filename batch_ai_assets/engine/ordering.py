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
    _prove_sensible(name, state, kind)
    store.orders.add(job.name, batch, kind, who=run.who, why=why)
    store.batches.note(run.who, kind.value, job.name, batch, detail=why)
    if kind is OrderKind.RESUME:
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


def _prove_sensible(name: str, state: State | None, kind: OrderKind) -> None:
    if state is None:
        raise OrderError(f"There is no batch {name}. `batch-ai status` lists the batches.")
    if state.finished:
        raise OrderError(
            f"Batch {name} is {state.value.replace('_', ' ')}: there is nothing to {kind.value}."
        )
    if kind is OrderKind.PAUSE and state is State.PAUSED:
        raise OrderError(f"Batch {name} is paused already.")
