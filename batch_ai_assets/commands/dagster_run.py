"""Runs one batch of a job as a Dagster run in this process, on the instance that the UI shows.

The command line has no path of its own to the engine: it executes the same asset job as a
schedule or a click in the UI, with a progress bar instead of log lines.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ai_assets.commands.person import person
from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.spec.registry import Registry
from batch_ai_assets.resources import ENGINE
from batch_ai_assets.run_tags import MODE, STARTED_BY_CLI, WHO
from batch_ai_assets.settings import settings

if TYPE_CHECKING:
    from batch_ai_assets.engine.control.progress import Progress
    from batch_ai_assets.engine.spec.resolved import ResolvedJob

_QUIET = "CRITICAL"
_VERBOSE = "INFO"


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
    """Why it stopped; empty where it completed."""


def run_batch_in_process(
    registry: Registry,
    job: ResolvedJob,
    key: str,
    mode: str,
    progress: Callable[[Progress], None],
    verbose: bool = False,
) -> RunOutcome:
    """Run the batch `key` to its end."""
    with instance() as here:
        close_dead_runs(here)
        if job.spec.batches.cadence == "manual":
            here.add_dynamic_partitions(job.name, [key])
        with closing(Connections(open_deps(progress=progress))) as connections:
            definitions = build_defs(_only(registry, job), {ENGINE: connections})
            try:
                result = definitions.resolve_job_def(job.name).execute_in_process(
                    instance=here,
                    partition_key=key,
                    run_config=_console(_VERBOSE if verbose else _QUIET),
                    tags=_tags(mode),
                    raise_on_error=False,
                )
            except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
                return _interrupted_before_it_began(here, job.name, key)
        return _outcome(here, job.name, key, result)


@contextmanager
def instance() -> Iterator[dg.DagsterInstance]:
    """The persistent Dagster instance of the settings."""
    settings().prepare_home()
    settings().share_with_dagster()
    with dg.DagsterInstance.get() as here:
        yield here


def close_dead_runs(here: dg.DagsterInstance) -> None:
    """Mark runs whose command line was killed as failed: nobody else watches over those."""
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    )
    for run in here.get_runs(unfinished):
        host, _, pid = run.tags.get(STARTED_BY_CLI, "").rpartition(":")
        if host == socket.gethostname() and not _is_alive(int(pid)):
            here.report_run_failed(run, "The command line that worked on this run was killed.")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _only(registry: Registry, job: ResolvedJob) -> Registry:
    """A registry of this job alone: no other job file can be in the way."""
    return Registry(registry.folder, {job.name: job}, registry.providers, ())


def _console(level: str) -> dict[str, Any]:
    return {"loggers": {"console": {"config": {"log_level": level}}}}


def _tags(mode: str) -> dict[str, str]:
    return {
        MODE: mode,
        WHO: person(),
        STARTED_BY_CLI: f"{socket.gethostname()}:{os.getpid()}",
        # The person at the terminal decides what happens next, not the retry daemon.
        "dagster/max_retries": "0",
    }


def _outcome(
    here: dg.DagsterInstance, job: str, batch: str, result: dg.ExecuteInProcessResult
) -> RunOutcome:
    run = here.get_run_by_id(result.run_id)
    if result.success:
        return RunOutcome(job, batch, result.run_id, Ending.COMPLETED, "")
    cancelled = run is not None and run.status == dg.DagsterRunStatus.CANCELED
    ending = Ending.INTERRUPTED if cancelled else Ending.STOPPED
    return RunOutcome(job, batch, result.run_id, ending, _why(result))


def _interrupted_before_it_began(here: dg.DagsterInstance, job: str, batch: str) -> RunOutcome:
    runs = here.get_runs(dg.RunsFilter(job_name=job), limit=1)
    run_id = runs[0].run_id if runs else ""
    return RunOutcome(job, batch, run_id, Ending.INTERRUPTED, "Stopped before any work began.")


def _why(result: dg.ExecuteInProcessResult) -> str:
    """The engine's own words for the first step that failed; the bare error where it had none."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        if data.error is not None:
            cause = data.error.cause or data.error
            return f"{event.step_key}: {cause.message.strip()}"
    return "The run failed before its first step; --verbose shows Dagster's log."
