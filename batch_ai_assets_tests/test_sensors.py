from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import dagster as dg
import sqlalchemy as sa
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.sensor_definition import SensorExecutionData
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.state import tables
from batch_ai_assets.offers import MAX_OFFERS, Offer, decide

from .jobs import job_file, write_documents
from .running import Platform, letters, refused

NOBODY: frozenset[str] = frozenset()


def test_dead_letters_newer_than_their_export_are_exported() -> None:
    decision = decide({"monday": 7.0, "tuesday": 3.0}, {"monday": 5.0, "tuesday": 3.0}, NOBODY, {})

    assert decision.now == {"monday": Offer(7.0, 1)}


def test_dead_letters_that_were_never_exported_are_exported() -> None:
    assert decide({"monday": 7.0}, {}, NOBODY, {}).now == {"monday": Offer(7.0, 1)}


def test_a_batch_at_work_is_left_to_its_own_run() -> None:
    decision = decide({"monday": 7.0}, {}, frozenset({"monday"}), {})

    assert decision.now == {}
    assert decision.remember == {}


def test_an_export_that_did_not_come_is_asked_for_again_under_a_new_number() -> None:
    decision = decide({"monday": 7.0}, {}, NOBODY, {"monday": Offer(7.0, 1)})

    assert decision.now == {"monday": Offer(7.0, 2)}


def test_a_new_revision_starts_counting_afresh() -> None:
    decision = decide({"monday": 8.0}, {}, NOBODY, {"monday": Offer(7.0, MAX_OFFERS)})

    assert decision.now == {"monday": Offer(8.0, 1)}


def test_an_export_that_keeps_failing_is_given_up_and_stays_given_up() -> None:
    decision = decide({"monday": 7.0}, {}, NOBODY, {"monday": Offer(7.0, MAX_OFFERS)})

    assert decision.now == {}
    assert decision.remember == {"monday": Offer(7.0, MAX_OFFERS)}
    assert decision.exhausted == ("monday",)


def test_what_has_been_exported_is_forgotten() -> None:
    decision = decide({"monday": 7.0}, {"monday": 7.0}, NOBODY, {"monday": Offer(7.0, 2)})

    assert (decision.now, decision.remember) == ({}, {})


BATCHES = st.sampled_from(["a", "b", "c"])
REVISIONS = st.dictionaries(BATCHES, st.integers(0, 3).map(float))


@given(revisions=REVISIONS, exported=REVISIONS, ticks=st.integers(1, 8))
def test_ticks_without_any_success_never_ask_for_one_revision_more_than_three_times(
    revisions: dict[str, float], exported: dict[str, float], ticks: int
) -> None:
    asked: dict[tuple[str, float], int] = {}
    offered: dict[str, Offer] = {}
    for _ in range(ticks):
        decision = decide(revisions, exported, NOBODY, offered)
        offered = dict(decision.remember)
        for batch, offer in decision.now.items():
            asked[batch, offer.revision] = asked.get((batch, offer.revision), 0) + 1

    assert all(count <= MAX_OFFERS for count in asked.values())
    newer = {b for b, r in revisions.items() if r > exported.get(b, -1.0)}
    assert {batch for batch, _ in asked} == newer


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
        sensor = definitions.get_repository_def().get_sensor_def("dead_letters")
        with partition_loading_context(dynamic_partitions_store=here.instance):
            return sensor.evaluate_tick(context)


def touch_dead_letters() -> None:
    """Something about the dead letters changes after their run, as a replay would do."""
    with open_deps() as deps:
        deps.store.database.run(
            lambda connection: connection.execute(
                sa.update(tables.dead_letters).values(revision=tables.dead_letters.c.revision + 1)
            )
        )


def test_the_run_itself_exports_its_dead_letters_and_the_sensor_has_nothing_to_do(
    platform: Callable[..., Platform],
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(2), **refused(1)})
    here.run("mail", "monday")

    quiet = tick(here)

    assert quiet.run_requests == []
    assert (quiet.skip_message or "").startswith("No dead letter has changed since it was exported")


def test_dead_letters_that_change_later_are_exported_by_a_run_of_their_own(
    platform: Callable[..., Platform],
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(2), **refused(1)})
    here.run("mail", "monday")
    paid = here.model.stats()["calls"]
    touch_dead_letters()

    first = tick(here)
    (request,) = first.run_requests or []
    assert (request.job_name, request.partition_key) == ("mail__dead_letters", "monday")
    assert here.run("mail__dead_letters", "monday").success

    assert tick(here, first.cursor).run_requests == []
    assert here.model.stats()["calls"] == paid


def test_an_export_that_failed_is_asked_for_under_another_run_key(
    platform: Callable[..., Platform],
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(2), **refused(1)})
    here.run("mail", "monday")
    touch_dead_letters()

    first = tick(here)
    second = tick(here, first.cursor)

    keys = [r.run_key for one in (first, second) for r in one.run_requests or []]
    assert len(keys) == len(set(keys)) == 2
