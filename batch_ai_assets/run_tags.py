"""Tags on Dagster runs that this project reads or writes.

`batch_ai/job` and `batch_ai/data_classification` say what a run works on. `batch_ai/mode` asks
for another way to run (`reprocess`, `reread`, `fresh`), `batch_ai/shards` for so many shards, from
the command line or the Launchpad alike; `batch_ai/state` says how it ended.
Which process (`host:pid`) a run lives in that no daemon watches is nothing to read: its tag is
one that the UI does not show.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.spec.priority import PRIORITIES

JOB = "batch_ai/job"
DATA_CLASS = "batch_ai/data_classification"
STATE = "batch_ai/state"
MODE = "batch_ai/mode"
SHARDS = "batch_ai/shards"
WHO = "batch_ai/who"
STARTED_BY_CLI = ".dagster/batch_ai_command_line"

_MOST_SHARDS = 10_000
MODES = ("resume", "reprocess", "reread", "fresh")

RUN_TAGS: Mapping[str, str] = {
    # A run that comes back after its worker died asks every stage again: each knows what it has.
    "dagster/retry_strategy": "ALL_STEPS",
}


def run_tags(job: JobSpec) -> dict[str, str]:
    """The tags of every run of the job, whoever starts it: schedule, sensor, person, backfill."""
    return {**RUN_TAGS, **job_tags(job), "dagster/priority": str(PRIORITIES[job.priority])}


def job_tags(job: JobSpec) -> dict[str, str]:
    """What runs are filtered by, whichever Dagster job they belong to."""
    return {JOB: job.job, DATA_CLASS: job.data_classification}


def this_process() -> str:
    """The value of STARTED_BY_CLI for a run that lives in this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def died_unseen(tags: Mapping[str, str]) -> bool:
    """Whether a run was one of a command line on this machine whose process is gone: nobody else
    watches over those."""
    pid = tags.get(STARTED_BY_CLI, "").rpartition(":")[2]
    return is_of_this_host(tags) and not _is_alive(int(pid))


def is_of_this_host(tags: Mapping[str, str]) -> bool:
    """Whether a command line on this machine started the run."""
    return tags.get(STARTED_BY_CLI, "").rpartition(":")[0] == socket.gethostname()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def mode_of(tags: Mapping[str, str]) -> str:
    """The way to run that the tags ask for. Raises SpecError for a word that is none."""
    mode = tags.get(MODE, "resume")
    if mode not in MODES:
        raise SpecError(f"The run tag {MODE} is {mode!r}; it may be {', '.join(MODES)}.")
    return mode


def shards_of(tags: Mapping[str, str]) -> int | None:
    """How many shards the tags ask for. Raises SpecError for what is no such number."""
    said = tags.get(SHARDS)
    if said is None:
        return None
    if not said.isdecimal() or not 1 <= int(said) <= _MOST_SHARDS:
        raise SpecError(f"The run tag {SHARDS} is {said!r}; it may be 1 to {_MOST_SHARDS:,}.")
    return int(said)


def way_to_run(mode: str, shards: int | None) -> dict[str, str]:
    """The tags that ask for a way to run; none for the usual one."""
    tags = {} if mode == "resume" else {MODE: mode}
    return tags if shards is None else {**tags, SHARDS: str(shards)}


def who_started(tags: Mapping[str, str]) -> str:
    """Person or automation behind a run, for the audit trail."""
    if WHO in tags:
        return tags[WHO]
    if "user" in tags:
        return tags["user"]
    for tag, word in (
        ("dagster/schedule_name", "schedule"),
        ("dagster/sensor_name", "sensor"),
        ("dagster/backfill", "backfill"),
    ):
        if tag in tags:
            return f"{word}:{tags[tag]}"
    return "dagster"
