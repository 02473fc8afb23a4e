from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.connections import Connections, open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.spec.batches import BatchesSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.spec.windows import key_of, starts_at, window_named, windows_before
from batch_ai_assets.factory import job_definitions
from batch_ai_assets.schedules import CATCH_UP, candidates, decide, ticks_at

from .engine.world import make_job
from .jobs import job_file, registry_of, write_documents
from .running import Platform, letters

pytestmark = pytest.mark.filterwarnings("ignore:Specifying a partitions_def")

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
PATH = {"path": "{home}/inbox/{date}"}


@pytest.fixture
def dagster_on_disk() -> bool:
    return True


def job_with(folder: Path, **batches: Any) -> ResolvedJob:
    """A daily job whose batches lie in folders by date, with changes."""
    return make_job(folder, {"batches": {"cadence": "daily", **batches}, "input": PATH})


def due(job: ResolvedJob, now: datetime = NOW) -> tuple[str, ...]:
    return candidates(job.spec.batches, now)


def test_the_batch_of_the_window_that_is_over_starts(tmp_path: Path) -> None:
    job = job_with(tmp_path)

    assert decide(job, due(job), {"2026-11-20"}, NOW).batches == ("2026-11-21",)


def test_a_batch_waits_for_the_time_of_day_at_which_the_job_runs(tmp_path: Path) -> None:
    job = job_with(tmp_path, at="03:30", timezone="Europe/Paris")

    assert due(job, datetime(2026, 11, 22, 2, 29, tzinfo=UTC))[0] == "2026-11-20"
    assert due(job, datetime(2026, 11, 22, 2, 30, tzinfo=UTC))[0] == "2026-11-21"


def test_a_person_who_runs_the_newest_batch_does_not_hide_those_that_were_missed(
    tmp_path: Path,
) -> None:
    job = job_with(tmp_path)
    decision = decide(job, due(job), {"2026-11-18", "2026-11-21"}, NOW)
    assert decision.batches == ("2026-11-19", "2026-11-20")


def test_a_batch_that_was_started_is_not_started_again(tmp_path: Path) -> None:
    job = job_with(tmp_path)

    decision = decide(job, due(job), {"2026-11-21"}, NOW)

    assert decision.batches == ()
    assert decision.why_none == "Batch 2026-11-21 has been started already."


def test_what_was_missed_is_made_up_for_oldest_first(tmp_path: Path) -> None:
    job = job_with(tmp_path)

    decision = decide(job, due(job), {"2026-11-18"}, NOW)

    assert decision.batches == ("2026-11-19", "2026-11-20", "2026-11-21")


def test_a_new_job_begins_with_the_newest_batch_and_leaves_its_history_to_a_backfill(
    tmp_path: Path,
) -> None:
    job = job_with(tmp_path)

    assert decide(job, due(job), set(), NOW).batches == ("2026-11-21",)


def test_a_job_that_takes_what_is_there_makes_up_for_nothing(tmp_path: Path) -> None:
    job = make_job(tmp_path, {"batches": {"cadence": "daily"}})

    assert decide(job, due(job), {"2026-11-18"}, NOW).batches == ("2026-11-21",)


def test_before_its_first_window_is_over_nothing_is_due(tmp_path: Path) -> None:
    job = job_with(tmp_path, start="2026-11-22")

    assert decide(job, due(job), set(), NOW).why_none == "No batch is due yet."


def test_an_hourly_job_waits_for_off_peak_hours_and_then_does_the_hours_of_the_day(
    tmp_path: Path,
) -> None:
    job = job_with(
        tmp_path, cadence="hourly", timezone="Europe/Paris",
        start_window={"from": "22:00", "until": "06:00"},
    )  # fmt: skip
    evening = datetime(2026, 11, 22, 21, tzinfo=UTC)  # 22:00 in Paris

    waiting = decide(job, due(job, NOW.replace(hour=12)), {"2026-11-22-03"}, NOW.replace(hour=12))
    assert waiting.batches == ()
    assert "13:00, outside of batches.start_window (22:00 to 06:00, Europe/Paris)" in (
        waiting.why_none
    )
    started = decide(job, due(job, evening), {"2026-11-22-03"}, evening).batches
    assert started == tuple(f"2026-11-22-{hour:02}" for hour in range(4, 21))


def test_a_late_tick_outside_of_off_peak_hours_starts_nothing_and_the_next_one_does(
    tmp_path: Path,
) -> None:
    job = job_with(tmp_path, at="02:00", start_window={"from": "01:00", "until": "05:00"})
    late, next_night = NOW.replace(hour=10), NOW.replace(day=23)

    assert decide(job, due(job, late), {"2026-11-20"}, late).batches == ()
    assert decide(job, due(job, next_night), {"2026-11-20"}, next_night).batches == (
        "2026-11-21",
        "2026-11-22",
    )


def test_the_end_of_a_month_is_found_whatever_day_it_is(tmp_path: Path) -> None:
    job = job_with(tmp_path, cadence="monthly", day="last_business_day", at="18:00")

    def start(day: int, month: int = 10) -> tuple[str, ...]:
        now = datetime(2026, month, day, 18, tzinfo=UTC)
        return decide(job, due(job, now), {"2026-09"}, now).batches

    # 31 October 2026 is a Saturday.
    assert [start(day) for day in (28, 29, 30)] == [(), (), ("2026-10",)]
    assert start(31) == ("2026-10",)
    assert start(30, month=11) == ("2026-10", "2026-11")


@given(
    cadence=st.sampled_from(list(CATCH_UP)),
    day=st.sampled_from((1, 28, "last_day", "last_business_day")),
    moment=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
    awake=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_ticks_start_every_batch_once_in_order_and_none_before_its_time(
    cadence: str, day: int | str, moment: datetime, awake: list[bool]
) -> None:
    """The daemon sleeps through some ticks, never through more than can be made up for."""
    job = job_with(Path("/"), cadence=cadence, day=day, start="2022-01-01")
    batches = job.spec.batches
    recent = islice(windows_before(batches, moment.replace(tzinfo=UTC)), len(awake) + 2)
    first, *rest = reversed(list(recent))
    started = [key_of(batches, first)]
    asleep = 0
    for window, is_awake in zip(rest, [*awake, True], strict=True):
        asleep += 1
        if not is_awake and asleep < CATCH_UP[cadence] - 1:
            continue
        now = starts_at(batches, window)
        for key in decide(job, due(job, now), started, now).batches:
            named = window_named(batches, key)
            assert named is not None
            assert starts_at(batches, named) <= now
            started.append(key)
        asleep = 0

    assert started == [key_of(batches, window) for window in (first, *rest)]


@pytest.mark.parametrize(
    ("batches", "cron"),
    [
        ({"cadence": "hourly", "at": "02:15"}, "15 * * * *"),
        ({"cadence": "daily", "at": "03:30"}, "30 3 * * *"),
        ({"cadence": "weekly", "weekday": "sunday"}, "0 2 * * 0"),
        ({"cadence": "weekly", "weekday": "friday"}, "0 2 * * 5"),
        ({"cadence": "monthly", "day": 5}, "0 2 5 * *"),
        ({"cadence": "monthly", "day": "last_day"}, "0 2 * * *"),
        (
            {"cadence": "weekly", "start_window": {"from": "22:00", "until": "06:00"}},
            "0 2 * * *",
        ),
    ],
)
def test_the_schedule_looks_when_a_batch_can_be_due(batches: dict[str, Any], cron: str) -> None:
    assert ticks_at(BatchesSpec.model_validate(batches)) == cron


def schedule_of(job: ResolvedJob) -> dg.ScheduleDefinition | None:
    return job_definitions(job).schedule


@pytest.mark.parametrize("cadence", ["hourly", "daily", "weekly", "monthly"])
def test_a_timed_job_runs_by_itself_unless_it_is_told_not_to(cadence: str, tmp_path: Path) -> None:
    schedule = schedule_of(job_with(tmp_path, cadence=cadence, timezone="Europe/Paris"))

    assert schedule is not None
    assert schedule.name == f"topics_{cadence}"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    zone = "UTC" if cadence == "hourly" else "Europe/Paris"
    assert schedule.execution_timezone == zone


def test_a_job_that_is_asked_for_or_follows_another_has_no_schedule(tmp_path: Path) -> None:
    follower = job_with(tmp_path).model_copy(update={"upstream": "near"})

    assert schedule_of(make_job(tmp_path)) is None
    assert schedule_of(follower) is None


DAILY = job_file(
    priority="high",
    batches={"cadence": "daily", "at": "00:00", "start": "2026-01-01"},
    input={"path": "{home}/inbox/mail/{date}", "format": "jsonl"},
)


def tick(here: Platform) -> dg.SkipReason | list[dg.RunRequest]:
    """One evaluation of the job's schedule at this moment, on the platform's instance."""
    repository = build_defs(here.registry).get_repository_def()
    with closing(Connections(open_deps())) as engine:
        context = dg.build_schedule_context(
            instance=here.instance,
            scheduled_execution_time=datetime.now(UTC),
            resources={"engine": engine},
            repository_def=repository,
        )
        found = repository.get_schedule_def("mail_daily").evaluate_tick(context)
    return dg.SkipReason(found.skip_message) if found.skip_message else list(found.run_requests)


def test_a_tick_asks_for_a_run_of_the_batch_and_after_it_for_none(
    platform: Callable[..., Platform],
) -> None:
    here = platform(DAILY)
    first = tick(here)
    assert isinstance(first, list)
    (request,) = first
    assert request.partition_key == request.run_key
    key = str(request.partition_key)
    write_documents(here.home, "mail", letters(2), f"{key}/a.jsonl")

    ran = here.run("mail", key)

    assert ran.success
    run = here.instance.get_run_by_id(ran.run_id)
    assert run is not None
    assert run.tags["dagster/priority"] == "1"
    again = tick(here)
    assert isinstance(again, dg.SkipReason)
    assert again.skip_message == f"Batch {key} has been started already."


def test_a_run_that_still_waits_for_its_turn_counts_as_started(
    platform: Callable[..., Platform],
) -> None:
    here = platform(DAILY)
    first = tick(here)
    assert isinstance(first, list)
    here.instance.create_run_for_job(
        build_defs(here.registry).resolve_job_def("mail"),
        tags={"dagster/partition": str(first[0].partition_key)},
    )

    assert isinstance(tick(here), dg.SkipReason)


@pytest.mark.parametrize(
    ("priority", "tag"), [("low", "-1"), ("normal", "0"), ("high", "1"), ("urgent", "2")]
)
def test_the_priority_of_a_job_is_on_all_its_runs(priority: str, tag: str, tmp_path: Path) -> None:
    made = job_definitions(make_job(tmp_path, {"priority": priority}))

    assert [one.tags["dagster/priority"] for one in (made.run, made.export)] == [tag, tag]


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("path", "A new schedule does not look back"),
        ("snapshot", "it runs the newest batch alone"),
    ],
)
def test_a_schedule_says_what_it_makes_up_for(tmp_path: Path, window: str, words: str) -> None:
    path = "{home}/inbox/mail/{date}" if window == "path" else "{home}/inbox/mail"
    job = job_file(
        input={"path": path, "format": "jsonl"},
        batches={"cadence": "daily", "at": "03:30", "window": window},
    )
    schedule = build_defs(registry_of(tmp_path, job)).get_repository_def().get_schedule_def(
        "mail_daily"
    )
    assert words in (schedule.description or "")
