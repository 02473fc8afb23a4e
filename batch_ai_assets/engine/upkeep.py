"""Upkeep: what is done for batches that nobody works on, beside running them again.

A batch whose process died is put down as such; alerts about what holds batches up are kept true.
When it is done is the sensor's (`resume_sensor.py`).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import suppress

from .control.resuming import DEATHS, Standstill
from .control.steering import Told, must_stop
from .control.trouble import state_store, stuck
from .deps import Deps, Run
from .errors import BatchInterrupted, BatchStopped
from .held import held
from .outbox import settle, take_in
from .spec.resolved import ResolvedJob
from .state.life_cycle import State

Batch = tuple[str, str]
"""Job and batch."""


def put_down_death(job: ResolvedJob, batch: str, who: str, deps: Deps) -> None:
    """The run that worked on the batch is gone: its record is written, and its lease given back.
    What it was told and could not do any more is done."""
    run = Run(deps.store.batches.last_run(job.name, batch), who)
    order = deps.store.orders.standing(job.name, batch)
    died = BatchInterrupted(
        signal.SIGKILL,
        f"The process that worked on {job.name}/{batch} died. What it had committed is kept; "
        "the batch goes on from there.",
    )
    with suppress(BatchInterrupted, BatchStopped), held(job, batch, run, deps):
        raise must_stop(job.name, batch, Told(order=order)) or died


def keep_alerts_true(found: Mapping[Batch, Standstill], deps: Deps) -> None:
    """Open what is to be said of batches that stand still, and end what is true no longer."""
    take_in(deps)
    wrong = {
        **{("stuck", *of): one for of, one in found.items() if one.deaths >= DEATHS},
        **{("state_store", *of): one for of, one in found.items() if _lost_its_store(one)},
    }
    open_ = {
        (kept.alert.kind, kept.alert.job, kept.alert.batch): kept.alert
        for kept in deps.store.alerts.open()
        if kept.alert.kind in ("stuck", "state_store", "throttled")
    }
    for (kind, job, batch), one in wrong.items():
        if (kind, job, batch) in open_:
            continue
        said = (
            stuck(job, batch, deaths=one.deaths)
            if kind == "stuck"
            else state_store(job, batch, "It stopped because the state store was away.")
        )
        settle(said.dedup_key, said, "", deps)
    for kind, job, batch in open_.keys() - wrong.keys():
        if kind != "throttled" or (job, batch) in found:  # a run at work ends that itself
            settle(f"{kind}/{job}/{batch}", None, "", deps)


def _lost_its_store(one: Standstill) -> bool:
    return one.state is State.FAILED and one.reason == "state_store"
