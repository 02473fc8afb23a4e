"""A stage of the engine inside an asset body: what it is given, and how its endings look.

The engine ends a batch in its own words (completed, halted, interrupted, failed); here they
become endings of a Dagster run. What a stage does is in `engine/batch.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import dagster as dg

from batch_ai_assets.assets.figures import batch_metadata, dead_reasons
from batch_ai_assets.assets.unreached import report_unreached
from batch_ai_assets.assets.unsaid import unsaid
from batch_ai_assets.engine.errors import (
    BatchAIError,
    BatchCancelled,
    BatchHalted,
    BatchInterrupted,
    BatchPaused,
    LeaseHeldError,
    SpecError,
    UnknownBatchError,
)
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.partitions import checked_batch_key
from batch_ai_assets.run_tags import (
    JOB,
    STARTED_BY_CLI,
    STATE,
    job_tags,
    mode_of,
    shards_of,
    this_process,
    who_started,
)
from batch_ai_assets.ui_links import report_page

if TYPE_CHECKING:
    from batch_ai_assets.engine.deps import Deps, Run
    from batch_ai_assets.engine.tables import BatchTable

_GO_ON = "What was done is kept; run the batch again and it goes on from there."

AnyContext = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


@dataclass(frozen=True)
class Stage:
    """What a stage of the engine is called with."""

    job: ResolvedJob
    batch: str
    run: Run
    deps: Deps
    context: AnyContext
    clock: Callable[[], float] = time.monotonic
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return self.clock() - self.started

    def metadata(self) -> dict[str, Any]:
        """The way to the batch's report, and its numbers so far."""
        figures = self.deps.store.figures(self.job.name, self.batch)
        return {
            "completion_report": dg.MetadataValue.url(report_page(self.job.name, self.batch)),
            **batch_metadata(figures, self.seconds, self._batch_seconds()),
            "dead_by_reason": dead_reasons(figures),
        }

    def metadata_of(self, table: BatchTable) -> dict[str, Any]:
        """The same, with the number of rows that this stage has written."""
        return {**self.metadata(), "dagster/row_count": table.rows}

    def _batch_seconds(self) -> float:
        """How long the newest version has been worked on; of a finished one, how long it was."""
        plan = self.deps.store.batches.latest_plan(self.job.name, self.batch)
        since = (plan.started_at or plan.planned_at) if plan else None
        until = (plan.finished_at if plan else None) or self.deps.store.clock()
        return 0.0 if since is None else max(until - since, 0.0)

    def dead_letter_revision(self) -> float:
        """When the batch's dead letters last changed; 0 where there is none. Read before them."""
        found = self.deps.store.dead_letter_revision(self.job.name)
        return float(found.get(self.batch, 0.0))

    def tag(self, state: str) -> None:
        """Make the run findable by the batch's state in the runs list."""
        self.context.instance.add_run_tags(self.run.run_id, {STATE: state})


@contextmanager
def stage(context: AnyContext, job: ResolvedJob) -> Iterator[Stage]:
    """Open a stage; turn the way it stops into the way the run ends.

    halted, failed → Failure that is not retried; interrupted → Dagster's own interruption;
    cancelled → the run is CANCELED; paused → the block ends early, with no output to yield, so
    that everything downstream is skipped and the run ends as a success.
    """
    here = open_stage(context, job)
    try:
        yield here
    except BatchInterrupted as stop:
        here.tag("interrupted")
        report_unreached(here)
        interrupt(here, str(stop))
    except dg.DagsterExecutionInterruptedError:
        here.tag("interrupted")
        report_unreached(here)
        interrupt(here, f"Batch {job.name}/{here.batch} was told to stop. {_GO_ON}")
    except BatchPaused as stop:
        here.tag("waiting for its hours" if stop.reason == "window" else f"paused: {stop.reason}")
        report_unreached(here)
        context.log.warning(str(stop))
    except BatchCancelled as stop:
        here.tag("cancelled")
        report_unreached(here)
        context.instance.report_run_canceling(context.run)
        raise dg.DagsterExecutionInterruptedError(str(stop)) from unsaid(stop)
    except BatchHalted as stop:
        here.tag(f"halted: {stop.reason}")
        report_unreached(here)
        raise _failure(here, str(stop)) from unsaid(stop)
    except LeaseHeldError as stop:
        here.tag("held by another run")
        raise dg.Failure(description=str(stop), allow_retries=False) from unsaid(stop)
    except BatchAIError as stop:
        here.tag("failed")
        report_unreached(here)
        raise _failure(here, str(stop)) from unsaid(stop)
    except Exception as defect:
        here.tag("failed")
        raise dg.Failure(
            description=(
                f"A defect ({type(defect).__name__}) stopped {job.name}/{here.batch}; what was "
                "committed is kept. --verbose shows where; so does the run in the UI. Report it."
            ),
            allow_retries=False,
        ) from unsaid(defect)


def open_stage(context: AnyContext, job: ResolvedJob) -> Stage:
    """The stage of this run. Fails the step where its key is none, or nothing can be opened."""
    from batch_ai_assets.engine.deps import Mode, Run

    tags, connections = context.run.tags, context.resources.engine
    if not connections.opened:  # the first stage of the run: the others find it said
        # A run of assets picked by hand belongs to no job of ours, and has none of its tags.
        own = {} if JOB in tags else job_tags(job.spec)
        context.instance.add_run_tags(context.run.run_id, {**own, STATE: "running"})
    try:
        _check_key(context, job)
        run = Run(
            context.run.run_id, who_started(tags), Mode(mode_of(tags)), shards_of(tags)
        )
        return Stage(job, context.partition_key, run, connections.deps, context)
    except BatchAIError as stop:
        context.instance.add_run_tags(context.run.run_id, {STATE: "failed"})
        raise dg.Failure(description=str(stop), allow_retries=False) from unsaid(stop)


def _check_key(context: AnyContext, job: ResolvedJob) -> None:
    """Refuse a key that Dagster took, but no batch can have, and take it off Dagster's list.

    Raises SpecError, IntakeError, StateError.
    """
    from batch_ai_assets.engine.intake.inbox import Inbox, has_inbox

    key = context.partition_key
    try:
        checked_batch_key(job.spec, key, datetime.now(UTC))
        if has_inbox(job):
            deps: Deps = context.resources.engine.deps
            Inbox(job, deps.store, deps.home).check_name(key)
    except (SpecError, UnknownBatchError) as error:
        if not job.spec.batches.timed:
            context.instance.delete_dynamic_partition(job.partitions, key)
        raise type(error)(f"{error}. Nothing was read or written.") from error


def interrupt(here: Stage, message: str) -> NoReturn:
    """End the run as Dagster ends one that was told to stop.

    A run that the UI terminates ends CANCELED, a worker that was told to go (SIGTERM) FAILURE,
    which is retried. Ctrl-C on the command line is a wish of the same person: CANCELED too.
    """
    here.context.log.warning(message)
    if here.context.run.tags.get(STARTED_BY_CLI) == this_process():
        here.context.instance.report_run_canceling(here.context.run)
    raise dg.DagsterExecutionInterruptedError(message)


def _failure(here: Stage, message: str) -> dg.Failure:
    try:
        numbers = here.metadata()
    except BatchAIError:  # the state store may be what failed
        numbers = {}
    return dg.Failure(description=message, metadata=numbers, allow_retries=False)
