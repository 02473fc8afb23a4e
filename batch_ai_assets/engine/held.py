"""A stage holds its batch while it works, and whatever stops it is recorded before it goes up.

State, completion record and lease of a batch that stopped are written here, in every ending but
the good one, which is `batch.py`'s.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .alerting import alert_about_budget, alert_about_stop
from .capping import alert_about_caps, caps_of
from .completion import draw_up
from .control.trouble import state_store
from .deps import Deps, Run
from .errors import (
    BatchAIError,
    BatchCancelled,
    BatchHalted,
    BatchInterrupted,
    BatchPaused,
    BatchStopped,
    LeaseHeldError,
    OrderError,
    ProviderAway,
    SealError,
    StateError,
    StorageError,
)
from .events import log_event
from .intake.location import check_batch_key
from .outage import opened
from .outbox import settle, settle_later
from .planning.versions import frozen_job
from .spec.resolved import ResolvedJob
from .state.life_cycle import DIED, State


@contextmanager
def held(
    job: ResolvedJob, batch: str, run: Run, deps: Deps, *, stays_planned: bool = False
) -> Iterator[None]:
    """Hold the batch; whatever stops the stage is recorded before it goes on its way.

    A name that is no batch key leaves no trace: IntakeError before anything is written.
    """
    check_batch_key(batch)
    holder = f"{run.who} on {socket.gethostname()}, pid {os.getpid()}"
    with deps.store.leases.kept(job.name, batch, run.run_id, holder):
        state = deps.store.batches.state(job.name, batch)
        if state is None:
            move(job, batch, run, deps, State.PLANNED)
            log_event("batch_started", job=job.name, batch=batch, run_id=run.run_id, who=run.who)
        elif state is State.RUNNING and deps.store.batches.last_run(job.name, batch) != run.run_id:
            # It would hold the batch still, had it not died.
            move(job, batch, run, deps, State.INTERRUPTED, DIED, "The run before this one died.")
        try:
            yield
        except LeaseHeldError:
            raise  # the batch is another run's: nothing about it is ours to record
        except OrderError:
            deps.store.leases.release(job.name, batch, run.run_id)
            raise  # nothing was done: the batch is as it was
        except BatchAIError as stop:
            _record_stop(job, batch, run, deps, stop, stays_planned)
            raise
        except BaseException as error:
            _record_stop(job, batch, run, deps, _unforeseen(error, job, batch), stays_planned)
            raise


def _unforeseen(error: BaseException, job: ResolvedJob, batch: str) -> BatchAIError:
    """A defect, or a signal outside of the calls. Its own text may quote documents: left out."""
    name = f"{job.name}/{batch}"
    if isinstance(error, OSError) and error.errno:
        return StorageError(
            f"{name} stopped: {os.strerror(error.errno)}. Make room or restore access, then run "
            "the batch again; what was committed is kept."
        )
    if isinstance(error, Exception):
        return BatchAIError(
            f"A defect ({type(error).__name__}) stopped {name}; what was committed is kept. See "
            "the log of the run, report it, then run the batch again."
        )
    return BatchInterrupted(
        0, f"Batch {name} was told to stop ({type(error).__name__}). Run it again to go on."
    )


def _record_stop(
    job: ResolvedJob, batch: str, run: Run, deps: Deps, stop: BatchAIError, stays_planned: bool
) -> None:
    """State, completion record and lease of a batch that stopped, as far as the store allows."""
    state, reason = ending(stop)
    try:
        plan = deps.store.batches.latest_plan(job.name, batch)
        before = deps.store.batches.state(job.name, batch)
        if stays_planned and not isinstance(stop, BatchStopped):
            state = before or State.PLANNED
        if state is State.CANCELLED and plan is not None:
            deps.store.items.cancel_pending(plan)
        if not (before and before.finished):
            move(job, batch, run, deps, state, reason, str(stop))
        if isinstance(stop, ProviderAway) and plan is not None:
            opened(job, plan, str(stop), deps)
        if plan is not None and plan.planned_at and not plan.finished_at:
            record = draw_up(
                frozen_job(plan, job), plan, run, deps,
                state=state, reason=reason, message=str(stop), checks=(),
                common=stop.common if isinstance(stop, BatchHalted) else (),
            )  # fmt: skip
            deps.store.batches.keep_record(
                job.name, batch, plan.version, run.run_id, record.model_dump_json()
            )
        if plan is not None and reason == "budget":
            alert_about_budget(job, plan, deps, halted=True)
        else:
            alert_about_stop(job.name, batch, state.value, reason, str(stop), deps)
        alert_about_caps(caps_of((job,)), deps)
        deps.store.leases.release(job.name, batch, run.run_id)
        if reason == StateError.reason:
            alert = state_store(job.name, batch, str(stop))
            settle(alert.dedup_key, alert, "", deps)
    except (StateError, StorageError, SealError) as error:
        if isinstance(error, StateError):
            settle_later(state_store(job.name, batch, str(error)), deps)
        # What failed may be just this place: its message is on its way up already.
        log_event("batch_ended", job=job.name, batch=batch, state="unrecorded", error=str(error))
        return
    log_event(
        "batch_ended", job=job.name, batch=batch, run_id=run.run_id, state=state.value,
        reason=reason,
    )  # fmt: skip


def ending(stop: BatchAIError) -> tuple[State, str]:
    if isinstance(stop, BatchHalted):
        return State.HALTED, stop.reason
    if isinstance(stop, BatchCancelled):
        return State.CANCELLED, stop.reason
    if isinstance(stop, BatchPaused):
        return State.WAITING if stop.reason == "window" else State.PAUSED, stop.reason
    if isinstance(stop, BatchInterrupted):
        return State.INTERRUPTED, stop.reason
    return State.FAILED, stop.reason


def move(
    job: ResolvedJob, batch: str, run: Run, deps: Deps, to: State, reason: str = "", said: str = ""
) -> None:
    deps.store.batches.move(
        job.name, batch, to, reason=reason, message=said, who=run.who, run_id=run.run_id
    )
