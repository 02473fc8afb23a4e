"""Jobs on arrival in Dagster: what arrives gets a partition and one run, and is in one batch."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.run_tags import STARTED_BY_CLI

from .jobs import job_file
from .running import Platform, batch_ai, failure

HOST, GONE = socket.gethostname(), 2**22 + 1
"""No process has a number so high."""
ON_ARRIVAL = {"cadence": "on_arrival", "arrival": {"items": 20, "age": "1h"}}


@pytest.fixture
def dagster_on_disk() -> bool:
    return True


def arriving(**changes: Any) -> dict[str, Any]:
    return job_file("mail", batches=ON_ARRIVAL, **changes)


def drop(home: Path, name: str, rows: int = 10, age: float = 60) -> Path:
    """A file of messages in the inbox that was written a while ago."""
    path = home / "inbox" / "mail" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = [f"{Path(name).stem}-{row}" for row in range(rows)]
    lines = [json.dumps({"id": item, "text": f"[[id:{item}]] Hello."}) for item in ids]
    path.write_text("\n".join(lines) + "\n")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def tick(here: Platform, cursor: str | None = None) -> SensorExecutionData:
    """One evaluation of the sensor, on the platform's instance."""
    definitions = build_defs(here.registry)
    with closing(Connections(open_deps())) as engine:
        context = dg.build_sensor_context(
            instance=here.instance,
            cursor=cursor,
            resources={"engine": engine},
            definitions=definitions,
        )
        sensor = definitions.get_repository_def().get_sensor_def("mail__arrivals")
        # By the reference Dagster finds the instance itself, as in the daemon's own ticks.
        context._instance_ref = here.instance.get_ref()
        return sensor.evaluate_tick(context)


Make = Callable[..., Platform]


def test_enough_documents_get_a_partition_and_a_run_that_reads_them_alone(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl")
    drop(here.home, "b.jsonl")

    found = tick(here)
    (request,), (added,) = found.run_requests or [], found.dynamic_partitions_requests or []
    drop(here.home, "c.jsonl")
    run = here.run("mail", str(request.partition_key))

    assert (added.partitions_def_name, added.partition_keys) == ("mail", [request.partition_key])
    assert request.run_key == f"mail/{request.partition_key}/1"
    assert run.success
    assert here.state(run) == "completed"
    assert set(here.answers()) == {f"{name}-{row}" for name in "ab" for row in range(10)}


def test_too_few_documents_start_nothing_and_the_tick_says_what_is_missing(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl")

    found = tick(here)

    assert not found.run_requests
    assert found.skip_message is not None
    assert "10 of 20 items" in found.skip_message


def test_an_inbox_that_is_not_there_is_said_without_a_trace_back(platform: Make) -> None:
    here = platform(arriving())

    found = tick(here)

    assert not found.run_requests
    assert found.skip_message is not None
    assert "does not exist. Put the documents there" in found.skip_message


def test_a_state_store_that_is_away_is_said_without_a_trace_back(platform: Make) -> None:
    here = platform(arriving())
    store = here.home / "state" / "state.sqlite"
    store.write_text("This is no database.")

    found = tick(here)

    assert found.skip_message is not None
    assert found.skip_message.startswith("Nothing was looked at: The state store")


def test_a_batch_that_was_claimed_before_a_crash_is_offered_again_until_it_has_a_run(
    platform: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl", 20)
    (lost,) = tick(here).run_requests or []  # and nobody heard of it
    assert tick(here).run_requests == []
    monkeypatch.setattr("batch_ai_assets.engine.intake.inbox.GRACE_SECONDS", 0.0)

    (again,) = tick(here).run_requests or []
    here.run("mail", str(again.partition_key))

    assert (again.run_key, again.partition_key) == (lost.run_key, lost.partition_key)
    assert tick(here).run_requests == []


def test_a_run_that_died_before_the_manifest_was_there_is_followed_by_another_three_in_all(
    platform: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl", 20)
    (first,) = tick(here).run_requests or []
    monkeypatch.setattr("batch_ai_assets.engine.intake.inbox.GRACE_SECONDS", 0.0)
    job = build_defs(here.registry).resolve_job_def("mail")
    keys = [first.run_key]
    for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE):
        # The first is a command line that was killed: its process is gone, its run seems to live.
        tags = {"dagster/partition": str(first.partition_key), STARTED_BY_CLI: f"{HOST}:{GONE}"}
        here.instance.create_run_for_job(job, tags=tags, status=status)
        keys += [request.run_key for request in tick(here).run_requests or []]
    alive = here.instance.create_run_for_job(
        job, tags={"dagster/partition": str(first.partition_key)}
    )
    assert tick(here).run_requests == []
    here.instance.report_run_failed(alive)

    assert tick(here).run_requests == []  # three have failed: a person must look
    batch = first.partition_key
    assert keys == [f"mail/{batch}/{number}" for number in (1, 2, 3)]


def test_the_command_line_runs_what_is_waiting_whatever_the_thresholds(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl", 3)

    first = batch_ai("run", "mail")
    second = batch_ai("run", "mail")

    assert first.exit_code == 0, first.output
    assert len(here.answers()) == 3
    assert second.exit_code == 0
    assert "Nothing is waiting for mail" in second.output


def test_an_estimate_of_what_is_waiting_claims_nothing(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl", 3)

    said = batch_ai("estimate", "mail")

    assert said.exit_code == 0, said.output
    assert "3 documents = 3 ask" in said.output
    assert "mail, what is waiting" in said.output
    with open_deps() as deps:
        assert deps.store.arrivals.waiting("mail").files == 0
        assert deps.store.arrivals.unstarted("mail", float("inf")) == []


def test_jobs_of_another_cadence_have_no_such_sensor(platform: Make) -> None:
    here = platform(job_file("letters"), arriving())

    names = {sensor.name for sensor in build_defs(here.registry).sensors or []}

    assert "mail__arrivals" in names
    assert "letters__arrivals" not in names


def test_a_name_of_no_batch_is_refused_by_all_commands_and_leaves_no_trace(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "new.jsonl", age=0)

    for command in ("run", "estimate"):
        result = batch_ai(command, "mail", "--batch", "nosuch-batch")

        said = " ".join(result.output.split())
        assert result.exit_code == 2
        assert "mail has no batch nosuch-batch, and nothing is waiting" in said
        assert "1 file is still being written (changed less than 30 s ago): 'new.jsonl'." in said
    assert "There is no batch of mail yet" in batch_ai("status", "mail").output


def test_a_key_of_no_batch_from_the_ui_fails_and_is_taken_off_the_list(platform: Make) -> None:
    here = platform(arriving())
    (here.home / "inbox" / "mail").mkdir(parents=True)

    run = here.run("mail", "nosuch-batch")

    assert not run.success
    assert "Nothing was read or written" in failure(run)
    assert here.instance.get_dynamic_partitions("mail") == []
    assert "There is no batch of mail yet" in batch_ai("status", "mail").output


def test_status_shows_claimed_batches_without_a_run_and_files_left_alone(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl", 20)
    (request,) = tick(here).run_requests or []
    drop(here.home, "b.jsonl", age=0)

    said = batch_ai("status", "mail").stdout

    assert f"mail/{request.partition_key}  1 file claimed, its run has not begun yet" in said
    assert "1 file is still being written (changed less than 30 s ago): 'b.jsonl'." in said


def test_a_run_says_how_many_files_it_leaves_and_why(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl", 3)
    drop(here.home, "b.jsonl", age=0)

    result = batch_ai("run", "mail")

    assert result.exit_code == 0, result.output
    assert "Left for another time: 1 file still being written." in result.stderr


def test_an_estimate_says_how_many_files_it_leaves_and_why(platform: Make) -> None:
    here = platform(arriving())
    drop(here.home, "a.jsonl", 3)
    drop(here.home, "b.jsonl", age=0)

    said = batch_ai("estimate", "mail").stdout

    assert "3 documents = 3 ask" in said
    assert "Left for another time: 1 file still being written." in said
