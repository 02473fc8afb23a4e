from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec import JobSpec
from batch_ai_assets.engine.spec.batches import BatchesSpec
from batch_ai_assets.engine.spec.windows import key_of, windows_before
from batch_ai_assets.partitions import batch_partitions, checked_batch_key, default_batch_key

from .engine.world import make_job
from .jobs import job_file

NOW = datetime(2026, 11, 22, 23, 30, 15, tzinfo=UTC)  # already the 23rd in Paris

CADENCES: dict[str, dict[str, Any]] = {
    "hourly": {"cadence": "hourly"},
    "daily": {"cadence": "daily"},
    "weekly": {"cadence": "weekly", "weekday": "friday"},
    "sundays": {"cadence": "weekly", "weekday": "sunday"},
    "monthly": {"cadence": "monthly", "day": 5},
    "early": {"cadence": "monthly", "day": "last_business_day", "at": "18:00"},
}
NEWEST = {
    "hourly": "2026-11-22-22",
    "daily": "2026-11-22",
    "weekly": "2026-11-13",
    "sundays": "2026-11-15",
    "monthly": "2026-10",
    "early": "2026-10",
}


def batches_of(name: str) -> dict[str, Any]:
    return {"start": "2026-09-15", "timezone": "Europe/Paris", **CADENCES[name]}


def spec_of(name: str) -> JobSpec:
    return JobSpec.model_validate(job_file(batches=batches_of(name)))


DAILY = spec_of("daily")
MANUAL = JobSpec.model_validate(job_file())


@pytest.mark.parametrize("name", CADENCES)
def test_dagster_has_a_partition_for_every_batch_that_is_over_by_the_same_key(
    name: str, tmp_path: Path
) -> None:
    batches = BatchesSpec.model_validate(batches_of(name))
    partitions = batch_partitions(make_job(tmp_path, {"batches": batches_of(name)}))

    keys = partitions.get_partition_keys(current_time=NOW)

    closed = [key_of(batches, window) for window in windows_before(batches, NOW)]
    ahead = ["2026-11"] if name == "early" else []
    assert list(keys) == [*reversed(closed), *ahead]


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Havana", "Pacific/Auckland"])
def test_dagster_means_the_same_day_by_a_key_also_where_the_clock_jumps_at_midnight(
    zone: str, tmp_path: Path
) -> None:
    given = {"cadence": "daily", "timezone": zone, "start": "2025-11-01"}
    partitions = batch_partitions(make_job(tmp_path, {"batches": given}))
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    batches = BatchesSpec.model_validate(given)

    for ours in islice(windows_before(batches, NOW), 380):
        theirs = partitions.time_window_for_partition_key(key_of(batches, ours))
        assert theirs.start.timestamp() == ours.since.timestamp()


def test_a_month_that_closes_early_is_there_while_it_still_runs(tmp_path: Path) -> None:
    partitions = batch_partitions(make_job(tmp_path, {"batches": batches_of("early")}))

    with freeze_time(datetime(2026, 11, 30, 17, tzinfo=UTC)):
        assert partitions.has_partition_key("2026-11")
        assert not partitions.has_partition_key("2026-12")


@pytest.mark.parametrize("cadence", ["manual", "on_arrival"])
def test_a_job_without_windows_has_named_partitions(cadence: str, tmp_path: Path) -> None:
    arrival = {"arrival": {"items": 10}} if cadence == "on_arrival" else {}
    job = make_job(tmp_path, {"batches": {"cadence": cadence, **arrival}})

    assert batch_partitions(job) == dg.DynamicPartitionsDefinition(name="topics")


def test_a_job_that_follows_another_has_its_partitions(tmp_path: Path) -> None:
    job = make_job(tmp_path).model_copy(update={"upstream": "near", "partitions_of": "head"})

    assert batch_partitions(job) == dg.DynamicPartitionsDefinition(name="head")


@pytest.mark.parametrize("name", CADENCES)
def test_without_a_key_a_job_takes_the_last_window_that_is_over_where_it_lives(name: str) -> None:
    assert default_batch_key(spec_of(name), NOW) == NEWEST[name]


def test_without_a_key_a_manual_job_makes_a_new_batch_that_sorts_by_time() -> None:
    assert default_batch_key(MANUAL, NOW) == "run-20261122t233015z"


def test_before_its_first_window_is_over_a_job_has_no_batch_and_says_since_when() -> None:
    early = datetime(2026, 9, 15, 12, tzinfo=UTC)

    with pytest.raises(SpecError, match=r"first, 2026-09-15 .* is over on 2026-09-15 at 22:00 UTC"):
        default_batch_key(DAILY, early)
    with pytest.raises(SpecError, match="mail has no batch yet"):
        checked_batch_key(DAILY, "2026-09-15", early)


@pytest.mark.parametrize("key", ["a/b", "..", "", "Upper", "-first", "x" * 64, "a b", "ä", "a\n"])
def test_a_key_that_could_become_a_folder_of_its_own_is_refused(key: str) -> None:
    with pytest.raises(SpecError, match="is not a batch key"):
        checked_batch_key(MANUAL, key, NOW)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("daily", "2026-09-14"), ("daily", "2026-11-23"), ("daily", "run-1"),
        ("daily", "2026-02-30"), ("hourly", "2026-11-22-23"), ("hourly", "2026-11-22"),
        ("weekly", "2026-11-14"), ("weekly", "2026-11-20"), ("monthly", "2026-11"),
        ("monthly", "2026-09"), ("early", "2026-11"),
    ],
)  # fmt: skip
def test_a_timed_job_refuses_a_window_that_is_not_over_or_is_none(name: str, key: str) -> None:
    with pytest.raises(SpecError, match="mail has"):
        checked_batch_key(spec_of(name), key, NOW)


def test_who_asks_for_a_batch_too_early_learns_when_it_is_over() -> None:
    with pytest.raises(SpecError, match=r"it is over on 2026-11-30 at 17:00 UTC"):
        checked_batch_key(spec_of("early"), "2026-11", NOW)


@pytest.mark.parametrize("name", CADENCES)
def test_a_good_key_is_taken_as_it_is(name: str) -> None:
    assert checked_batch_key(spec_of(name), NEWEST[name], NOW) == NEWEST[name]
    assert checked_batch_key(MANUAL, "re-run-3", NOW) == "re-run-3"
