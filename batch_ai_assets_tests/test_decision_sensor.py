"""When the sensor runs a batch that people decided about: the pure decision, then the real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context

from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.decision_sensor import QUIET_SECONDS, ripe
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.state.rows import OpenDecisions

from .jobs import job_file, write_documents
from .running import Platform, failure, letters

THRICE = "[[stub:500,500,500,ok]]"


def test_a_replay_is_carried_out_at_once() -> None:
    found = {"monday": OpenDecisions(100.0, replays=True)}
    assert ripe(found, 100.0) == {"monday": 100.0}


def test_a_reviewer_who_is_still_deciding_is_left_in_peace() -> None:
    found = {"monday": OpenDecisions(100.0, replays=False)}
    assert ripe(found, 100.0 + QUIET_SECONDS - 1) == {}
    assert ripe(found, 100.0 + QUIET_SECONDS) == {"monday": 100.0}


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


def tick(here: Platform) -> list[dg.RunRequest]:
    """One evaluation of the sensor."""
    definitions = build_defs(here.registry)
    with closing(Connections(open_deps())) as engine:
        context = dg.build_sensor_context(
            instance=here.instance, resources={"engine": engine}, definitions=definitions
        )
        sensor = definitions.get_repository_def().get_sensor_def("decisions")
        with partition_loading_context(dynamic_partitions_store=here.instance):
            return list(sensor.evaluate_tick(context).run_requests or ())


def test_from_the_launchpad_to_the_next_version(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(3), "lost": f"[[id:lost]] {THRICE} Where?"})
    here.run("mail", "monday")
    assert tick(here) == []

    decided = launch(
        here, "mail__replay_dead_letters",
        batch="monday", root_cause="the provider was down", who="ada", items=["lost"],
    )  # fmt: skip
    assert decided.success
    (request,) = tick(here)
    assert (request.job_name, request.partition_key) == ("mail", "monday")

    run = here.run("mail", "monday")
    assert run.success
    assert here.state(run) == "completed"
    newest = here.newest("mail", "results", "monday")
    assert newest is not None
    assert newest.metadata["dagster/row_count"].value == 4
    assert here.answers()["lost"] == 1
    assert tick(here) == []


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
