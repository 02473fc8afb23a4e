"""What the command line needs of Dagster beyond its public names: three calls, all of them here.

Dagster is pinned to one minor version, and tests prove what each call is for: a run from the
command line is one of the code location's runs in the UI, and no process of Dagster's own sits
in the terminal's foreground, where Ctrl-C would end it with a trace-back.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

LOCATION = "batch_ai_assets.definitions"
"""The name of the code location: the module that `dagster dev -m` and workspace.yaml load."""
_REPOSITORY = "__repository__"
_NO_CAPTURE = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
    "config": {},
}


@contextmanager
def open_instance(home: str) -> Iterator[dg.DagsterInstance]:
    """The instance in this folder; output of runs stays on the terminal, no file mirrors it.

    The mirrors are processes in the terminal's foreground. The engine's events are in the log of
    the run all the same.
    """
    reference = InstanceRef.from_dir(home, overrides={"compute_logs": _NO_CAPTURE})
    with _alone_at_first(Path(home)):
        opened = dg.DagsterInstance.from_ref(reference)
    with opened as here:
        yield here


@contextmanager
def _alone_at_first(home: Path) -> Iterator[None]:
    """One process at a time until the instance's SQLite files are there.

    Two that make them at once leave a schema with two heads, which no Dagster opens again.
    """
    made = home / ".instance-made"
    if made.exists():
        yield
        return
    with (home / ".instance.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        made.touch()


def begin_run(
    here: dg.DagsterInstance,
    job: dg.JobDefinition,
    run_id: str,
    tags: Mapping[str, str],
    run_config: Mapping[str, Any],
) -> dg.DagsterRun:
    """A run that the UI lists under the job, as if it had been launched there."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), _REPOSITORY)
    return here.create_run_for_job(
        job,
        run_id=run_id,
        run_config=run_config,
        tags=tags,
        remote_job_origin=RemoteJobOrigin(repository, job.name),
    )


def carry_out(
    here: dg.DagsterInstance, job: dg.JobDefinition, run: dg.DagsterRun
) -> list[dg.DagsterEvent]:
    """Execute the run in this process; everything that happened in it."""
    return list(execute_run(InMemoryJob(job), run, here).all_events)
