"""Runs one batch of a job as a Dagster run in this process, on the instance that the UI shows.

The command line has no path of its own to the engine: it executes the same asset job as a
schedule or a click in the UI, with a progress bar instead of log lines.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dagster as dg

from batch_ai_assets.commands.ctrl_c import leave_ctrl_c_to_others, obey_ctrl_c
from batch_ai_assets.commands.dagster_seam import begin_run, carry_out, open_instance
from batch_ai_assets.commands.person import person
from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.spec.registry import Registry
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.run_tags import STARTED_BY_CLI, STATE, WHO, died_unseen, this_process
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from batch_ai_assets.engine.control.progress import Progress
    from batch_ai_assets.engine.spec.resolved import ResolvedJob

_QUIET = "CRITICAL"
_VERBOSE = "INFO"
_CHECK_FAILED = "DagsterAssetCheckFailedError"
_INTERRUPTIONS = (KeyboardInterrupt.__name__, dg.DagsterExecutionInterruptedError.__name__)


class Ending(StrEnum):
    """How the run ended, as far as a shell is concerned."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of one run."""

    job: str
    batch: str
    run_id: str
    ending: Ending
    message: str
    """Why it stopped; empty where it completed, or the record says it."""


def run_batch_in_process(
    registry: Registry,
    job: ResolvedJob,
    key: str,
    way: Mapping[str, str],
    progress: Callable[[Progress], None],
    verbose: bool = False,
) -> RunOutcome:
    """Run the batch `key` to its end; `way`: tags that ask for another way to run."""
    # A Ctrl-C that comes while the pool closes a connection ends the run as any other, but the pool
    # would print a trace-back of it where nobody else listens.
    logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())
    with instance() as here, closing(Connections(open_deps(progress=progress))) as connections:
        close_dead_runs(here)
        if not job.spec.batches.timed:
            here.add_dynamic_partitions(job.partitions, [key])
        definitions = build_defs(_only(registry, job), {ENGINE: connections})
        asset_job = definitions.resolve_job_def(job.name)
        console = _console(_VERBOSE if verbose else _QUIET)
        run_id = str(uuid4())
        obey_ctrl_c()
        try:
            run = begin_run(here, asset_job, run_id, _tags(key, way), console)
            leave_ctrl_c_to_others()
            events = carry_out(here, asset_job, run)
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            events = []
        return _outcome(here, job.name, key, run_id, events)


@contextmanager
def instance() -> Iterator[dg.DagsterInstance]:
    """The persistent Dagster instance of the settings."""
    settings().prepare_home()
    settings().share_with_dagster()
    with open_instance(str(settings().dagster_home)) as here:
        yield here


def close_dead_runs(here: dg.DagsterInstance) -> None:
    """Mark runs whose command line was killed as failed: nobody else watches over those."""
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    for run in here.get_runs(unfinished):
        # A run that the UI started again from one of ours has its tags, and a parent.
        if run.parent_run_id is None and died_unseen(run.tags):
            here.report_run_failed(run, "The command line that worked on this run was killed.")


def _only(registry: Registry, job: ResolvedJob) -> Registry:
    """A registry of this job alone: no other job file can be in the way."""
    return Registry(registry.folder, {job.name: job}, registry.providers, ())


def _console(level: str) -> dict[str, Any]:
    return {"loggers": {"console": {"config": {"log_level": level}}}}


def _tags(key: str, way: Mapping[str, str]) -> dict[str, str]:
    return {
        **way,
        "dagster/partition": key,
        WHO: person(),
        STARTED_BY_CLI: this_process(),
        # The person at the terminal decides what happens next, not the retry daemon.
        "dagster/max_retries": "0",
    }


def _outcome(
    here: dg.DagsterInstance, job: str, batch: str, run_id: str, events: list[dg.DagsterEvent]
) -> RunOutcome:
    run = here.get_run_by_id(run_id)
    status = run.status if run is not None else dg.DagsterRunStatus.NOT_STARTED
    if run is not None and run.tags.get(STATE, "").startswith(("paused", "waiting")):
        return RunOutcome(job, batch, run_id, Ending.STOPPED, "")
    if status == dg.DagsterRunStatus.SUCCESS:
        return RunOutcome(job, batch, run_id, Ending.COMPLETED, "")
    if status == dg.DagsterRunStatus.CANCELED or _was_interrupted(events):
        if run is not None and status != dg.DagsterRunStatus.CANCELED:  # between two stages
            here.report_run_canceled(run, "Stopped by Ctrl-C on the command line.")
            here.add_run_tags(run_id, {STATE: "interrupted"})
        said = _why(events) or "Stopped; what was done is kept. Run the batch again to go on."
        return RunOutcome(job, batch, run_id, Ending.INTERRUPTED, said)
    said = _why(events) or "The run failed before its first step; --verbose shows Dagster's log."
    return RunOutcome(job, batch, run_id, Ending.STOPPED, said)


def _was_interrupted(events: list[dg.DagsterEvent]) -> bool:
    """True, too, where nothing came back at all: then the interruption came all the way up."""
    errors = [getattr(event.event_specific_data, "error", None) for event in events]
    return not events or any(error and error.cls_name in _INTERRUPTIONS for error in errors)


def _why(events: list[dg.DagsterEvent]) -> str:
    """The engine's own words for the first step that failed, without names of classes.

    A defect is named by its kind alone: its text may quote a document.
    """
    for event in events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        if data.error is not None and data.error.cls_name in _INTERRUPTIONS:
            return data.error.message.strip().partition(f"{data.error.cls_name}: ")[2]
        if data.error is not None and data.error.cls_name == _CHECK_FAILED:
            return "A blocking check failed; the record of the batch says which."
        if data.error is not None:
            cause = data.error.cause or data.error
            stage = str(event.step_key).rpartition("__")[2]
            return (
                f"A defect ({cause.cls_name}) stopped {stage}; what was committed is kept. "
                "--verbose shows the whole error; so does the run in the UI. Report it."
            )
    return ""
