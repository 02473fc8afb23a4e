"""When the sensor runs a batch that people decided about: the pure decision, then the real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.sensor_definition import SensorExecutionData

from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.decision_sensor import QUIET_SECONDS, Found, sort_out
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.state.rows import OpenDecisions

from .jobs import job_file, write_documents
from .running import Platform, failure, letters

THRICE = "[[stub:500,500,500,ok]]"


def test_a_replay_is_carried_out_at_once() -> None:
    found = {"monday": OpenDecisions(100.0, replays=True, spec_hash="as it was")}
    assert sort_out(found, 100.0, "as it was") == Found({"monday": 100.0})


def test_a_reviewer_who_is_still_deciding_is_left_in_peace() -> None:
    found = {"monday": OpenDecisions(100.0, replays=False, spec_hash="as it was")}
    assert sort_out(found, 100.0 + QUIET_SECONDS - 1, "as it was") == Found({}, ("monday",))
    assert sort_out(found, 100.0 + QUIET_SECONDS, "as it was") == Found({"monday": 100.0})


def test_a_batch_whose_job_was_edited_since_is_left_to_a_person() -> None:
    found = {"monday": OpenDecisions(100.0, replays=True, spec_hash="as it was")}
    assert sort_out(found, 1000.0, "as it is") == Found({}, (), ("monday",))


Make = Callable[..., Platform]


def launch(here: Platform, job: str, **config: Any) -> dg.ExecuteInProcessResult:
    """Run one of the decision jobs, as the Launchpad does."""
    made = build_defs(here.registry).resolve_job_def(job)
    return made.execute_in_process(
        instance=here.instance,
        raise_on_error=False,
        run_config={
            "ops": {f"{job}_op": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "ERROR"}}},
        },
    )


def tick(here: Platform, cursor: str | None = None) -> SensorExecutionData:
    """One evaluation of the sensor."""
    definitions = build_defs(here.registry)
    with closing(Connections(open_deps())) as engine:
        context = dg.build_sensor_context(
            instance=here.instance, cursor=cursor, resources={"engine": engine},
            definitions=definitions,
        )  # fmt: skip
        sensor = definitions.get_repository_def().get_sensor_def("decisions")
        with partition_loading_context(dynamic_partitions_store=here.instance):
            return sensor.evaluate_tick(context)


def asked(ticked: SensorExecutionData) -> list[dg.RunRequest]:
    return list(ticked.run_requests or ())


def test_from_the_launchpad_to_the_next_version(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(3), "lost": f"[[id:lost]] {THRICE} Where?"})
    here.run("mail", "monday")
    assert asked(tick(here)) == []

    decided = launch(
        here, "mail__replay_dead_letters",
        batch="monday", root_cause="the provider was down", who="ada", items=["lost"],
    )  # fmt: skip
    assert decided.success
    first = tick(here)
    (request,) = asked(first)
    assert (request.job_name, request.partition_key) == ("mail", "monday")
    the_sensor_does_not_ask_twice(here, first, request)
    an_edited_job_is_left_alone(here)

    run = here.run("mail", "monday")
    assert run.success
    assert here.state(run) == "completed"
    newest = here.newest("mail", "results", "monday")
    assert newest is not None
    assert newest.metadata["dagster/row_count"].value == 4
    assert here.answers()["lost"] == 1
    assert tick(here).skip_message == "Nothing was decided that is not carried out."


def the_sensor_does_not_ask_twice(
    here: Platform, first: SensorExecutionData, request: dg.RunRequest
) -> None:
    """Not while the run it asked for has yet to start; and after three that failed not at all."""
    queued = here.instance.add_run(
        dg.DagsterRun(
            "mail", status=dg.DagsterRunStatus.NOT_STARTED,
            tags={"dagster/run_key": str(request.run_key)},
        )
    )  # fmt: skip
    waiting = tick(here, first.cursor)
    assert waiting.skip_message == "At work, or in the queue: mail/monday."
    here.instance.delete_run(queued.run_id)
    ticked, keys = waiting, [request.run_key]
    for _ in range(2):
        ticked = tick(here, ticked.cursor)
        keys += [one.run_key for one in asked(ticked)]
    assert len(set(keys)) == 3
    said = tick(here, ticked.cursor).skip_message or ""
    assert said.startswith("Asked for 3 times, and not carried out")
    assert "mail/monday" in said


def an_edited_job_is_left_alone(here: Platform) -> None:
    file = here.folder / "mail/prompt.md"
    before = file.read_text()
    file.write_text("Say what the message is about, in one word.\n")
    ticked = tick(here)
    file.write_text(before)
    assert asked(ticked) == []
    assert "edited since people decided" in (ticked.skip_message or "")
    assert "mail/monday" in (ticked.skip_message or "")


def test_the_launchpad_is_told_what_cannot_be_decided(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(2))
    here.run("mail", "monday")
    said = {
        "Nothing of mail/monday is a dead letter": {"all_of_them": True},
        "Not a dead letter of mail/monday: 'nobody'": {"items": ["nobody"]},
        "Say which documents": {},
    }
    for words, choice in said.items():
        run = launch(
            here, "mail__discard_dead_letters", batch="monday", why="spam", who="ada", **choice
        )
        assert not run.success
        assert words in failure(run)
