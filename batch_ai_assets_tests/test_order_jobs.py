"""Orders from the Launchpad, and the sensor that carries them on over a run that died unseen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import dagster as dg
import sqlalchemy as sa
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.sensor_definition import SensorExecutionData

from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.state import process_mark
from batch_ai_assets.engine.state import tables as t

from .jobs import job_file, write_documents
from .running import Platform, failure, letters
from .test_decision_sensor import launch

Make = Callable[..., Platform]


def tick(here: Platform) -> SensorExecutionData:
    """One evaluation of the sensor `resumes`."""
    definitions = build_defs(here.registry)
    with closing(Connections(open_deps())) as engine:
        context = dg.build_sensor_context(
            instance=here.instance, resources={"engine": engine}, definitions=definitions
        )
        sensor = definitions.get_repository_def().get_sensor_def("resumes")
        with partition_loading_context(dynamic_partitions_store=here.instance):
            return sensor.evaluate_tick(context)


def a_run_that_died_with_its_host(here: Platform) -> str:
    """Dagster shows it at work; it was the last to hold the batch, and its process is gone."""
    run = here.instance.add_run(
        dg.DagsterRun(
            "mail", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "monday"}
        )
    )
    gone = f"{process_mark._place()}/999999999/1"
    with open_deps() as deps:
        deps.store.leases.take("mail", "monday", run.run_id, "a host that is gone")
        deps.store.leases.release("mail", "monday", run.run_id)
        deps.store.database.run(
            lambda connection: connection.execute(sa.update(t.leases).values(process=gone))
        )
    return run.run_id


def test_a_batch_is_paused_and_goes_on_from_the_launchpad_over_a_dead_run(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(3), "q": "[[id:q]] [[stub:quota,ok]] Where?"})
    assert here.state(here.run("mail", "monday")) == "halted: provider"

    assert launch(here, "mail__pause", batch="monday", who="ada", why="prices").success
    dead = a_run_that_died_with_its_host(here)
    assert not tick(here).run_requests
    found = here.instance.get_run_by_id(dead)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    assert found.tags["dagster/max_retries"] == "0"

    assert launch(here, "mail__resume", batch="monday", who="ada").success
    [request] = tick(here).run_requests or ()
    assert (request.job_name, request.partition_key) == ("mail", "monday")
    assert here.state(here.run("mail", "monday")) == "completed"
    refused = launch(here, "mail__cancel", batch="monday", who="ada")
    assert "there is nothing to cancel" in failure(refused)


def test_a_batch_above_its_budget_is_approved_from_the_launchpad_and_goes_on(
    platform: Make,
) -> None:
    here = platform(job_file(budget={"limit_usd": 0.0001}))
    write_documents(here.home, "mail", letters(20))
    waits = here.run("mail", "monday")
    assert here.state(waits) == "halted: awaiting_approval"
    [check] = [one for one in waits.get_asset_check_evaluations() if one.check_name == "budget"]
    assert not check.passed
    assert "above 0.0001 USD" in str(check.description)
    assert here.answers() == {}
    assert not tick(here).run_requests

    said = {"batch": "monday", "who": "ada", "why": "month end"}
    wrong = launch(here, "mail__approve", **said, deadline="soon")
    assert "'soon' is no moment" in failure(wrong)
    assert launch(here, "mail__approve", **said, limit_usd=1.0).success

    [request] = tick(here).run_requests or ()
    assert (request.job_name, request.partition_key) == ("mail", "monday")
    assert here.state(here.run("mail", "monday")) == "completed"
    assert len(here.answers()) == 20
