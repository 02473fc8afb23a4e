from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.sensor_definition import SensorExecutionData
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.chain_sensor import (
    LATE_COMMIT,
    MOST_RUNS,
    Decision,
    Wanted,
    closed_at,
    decide,
)
from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.state.releases import Release

from .jobs import job_file, registry_of, write_documents
from .running import Platform, letters
from .test_chain import follower

NOON = 1_000_000.0
NOBODY: frozenset[str] = frozenset()


def release(batch: str, version: int = 1, at: float = NOON, rows: int = 5) -> Release:
    return Release("mail", batch, version, at, "automatic", "checks passed", "/path", rows)


def asked(decision: Decision) -> list[tuple[str, int, bool]]:
    return [(one.batch, one.version, one.again) for one in decision.run]


def test_what_was_released_and_never_read_is_run() -> None:
    assert asked(decide([release("monday")], {}, NOBODY, 0.0)) == [("monday", 1, False)]


def test_what_was_read_already_is_not_run_again() -> None:
    decision = decide([release("monday")], {"monday": 1}, NOBODY, 0.0)

    assert decision.run == ()
    assert decision.said == "Everything that was released has been read."


def test_a_corrected_version_is_read_again() -> None:
    releases = [release("monday", 1), release("monday", 2, NOON + 1)]

    assert asked(decide(releases, {"monday": 1}, NOBODY, 0.0)) == [("monday", 2, True)]


def test_an_empty_batch_that_was_read_is_not_run_again_while_it_stays_empty() -> None:
    assert decide([release("monday", 2, rows=0)], {"monday": 0}, NOBODY, 0.0).run == ()
    assert decide([release("monday", 3, rows=1)], {"monday": 0}, NOBODY, 0.0).run != ()


def test_what_was_released_before_the_chain_was_made_is_left_to_a_backfill() -> None:
    releases = [release("monday", at=NOON), release("tuesday", at=NOON + 7200)]

    assert asked(decide(releases, {}, NOBODY, NOON + 1)) == [("tuesday", 1, False)]


def test_a_batch_that_is_at_work_waits_and_is_not_forgotten() -> None:
    later = NOON + 5 * LATE_COMMIT
    releases = [release("monday"), release("tuesday", at=later)]

    decision = decide(releases, {}, frozenset({"monday"}), 0.0)

    assert asked(decision) == [("tuesday", 1, False)]
    assert decision.since == NOON
    assert asked(decide(releases, {"tuesday": 1}, NOBODY, decision.since)) == [
        ("monday", 1, False)
    ]


def test_nothing_starts_while_the_hours_are_closed_and_all_of_it_afterwards() -> None:
    closed = decide([release("monday")], {}, NOBODY, 0.0, "It is noon.")

    assert closed.run == ()
    assert closed.said == "1 released, not read yet. It is noon."
    assert asked(decide([release("monday")], {}, NOBODY, closed.since)) != []


def test_a_flood_of_releases_is_asked_for_bit_by_bit() -> None:
    releases = [release(f"b{n:03}", at=NOON + n * LATE_COMMIT) for n in range(MOST_RUNS + 7)]

    first = decide(releases, {}, NOBODY, 0.0)
    read = {one.batch: one.version for one in first.run}

    assert len(first.run) == MOST_RUNS
    assert len(decide(releases, read, NOBODY, first.since).run) == 7


@given(
    moves=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["release", "tick", "read", "busy"])),
        max_size=40,
    )
)
def test_whatever_comes_in_between_the_newest_version_of_every_batch_is_asked_for(
    moves: list[tuple[str, str]],
) -> None:
    releases: list[Release] = []
    read: dict[str, int] = {}
    wishes: dict[tuple[str, int], Wanted] = {}
    busy: set[str] = set()
    now, since = 0.0, 0.0

    def tick() -> None:
        nonlocal since
        decision = decide(releases, read, busy, since)
        assert decision.since >= since
        since = decision.since
        wishes.update({(one.batch, one.version): one for one in decision.run})

    for batch, move in moves:
        now += 0.7 * LATE_COMMIT
        version = sum(one.batch == batch for one in releases)
        if move == "release":
            releases.append(release(batch, version + 1, now))
        elif move == "read" and (batch, version) in wishes:
            read[batch] = version
        elif move == "busy":
            busy ^= {batch}
        else:
            tick()
    busy.clear()
    tick()

    newest: Mapping[str, int] = {one.batch: one.version for one in releases}
    assert all((batch, version) in wishes for batch, version in newest.items())


def tick(here: Platform, cursor: str | None = None) -> SensorExecutionData:
    definitions = build_defs(here.registry)
    with closing(Connections(open_deps())) as engine:
        context = dg.build_sensor_context(
            instance=here.instance,
            cursor=cursor,
            resources={"engine": engine},
            definitions=definitions,
        )
        sensor = definitions.get_repository_def().get_sensor_def("routes__chain")
        with partition_loading_context(dynamic_partitions_store=here.instance):
            return sensor.evaluate_tick(context)


def test_a_release_asks_for_a_run_of_the_next_job_and_a_run_that_read_it_ends_that(
    platform: Callable[..., Platform],
) -> None:
    here = platform(job_file(), follower())
    write_documents(here.home, "mail", letters(2))
    assert tick(here).run_requests == []
    here.run("mail", "monday")

    first = tick(here)
    (request,) = first.run_requests or []
    assert (request.job_name, request.partition_key) == ("routes", "monday")
    assert request.run_key == "routes/monday/mail/1"
    assert "batch_ai/mode" not in request.tags
    assert here.run("routes", "monday").success
    assert tick(here, first.cursor).run_requests == []


@pytest.mark.parametrize(
    ("batches", "status"),
    [
        ({}, dg.DefaultSensorStatus.STOPPED),
        ({"cadence": "daily", "window": "snapshot"}, dg.DefaultSensorStatus.RUNNING),
        ({"cadence": "on_arrival", "arrival": {"items": 5}}, dg.DefaultSensorStatus.RUNNING),
    ],
)
def test_a_chain_runs_by_itself_where_its_head_does(
    tmp_path: Path, batches: dict[str, object], status: dg.DefaultSensorStatus
) -> None:
    registry = registry_of(tmp_path, job_file(batches=batches), follower())
    repository = build_defs(registry).get_repository_def()

    assert repository.get_sensor_def("routes__chain").default_status == status
    of_follower = [
        one.name
        for one in (*repository.sensor_defs, *repository.schedule_defs)
        if one.name.startswith("routes")
    ]
    assert of_follower == ["routes__chain"]


def test_off_peak_hours_of_the_chain_hold_for_all_of_it(tmp_path: Path) -> None:
    hours = {"from": "22:00", "until": "06:00"}
    batches = {"cadence": "daily", "at": "23:00", "start_window": hours, "timezone": "Asia/Tokyo"}
    job = registry_of(tmp_path, job_file(batches=batches), follower()).jobs["routes"]

    assert closed_at(job, datetime(2026, 11, 22, 14, tzinfo=UTC)) == ""  # 23:00 in Tokyo
    assert "22:00 to 06:00" in closed_at(job, datetime(2026, 11, 22, 23, tzinfo=UTC))

