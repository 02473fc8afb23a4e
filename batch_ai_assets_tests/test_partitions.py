from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.spec import JobSpec
from batch_ai_assets.partitions import batch_partitions, checked_batch_key, default_batch_key

from .jobs import job_file

NOW = datetime(2026, 11, 22, 23, 30, 15, tzinfo=UTC)  # already the 23rd in Paris
DAILY = JobSpec.model_validate(
    job_file(batches={"cadence": "daily", "start": "2026-11-01", "timezone": "Europe/Paris"})
)
MANUAL = JobSpec.model_validate(job_file())


def test_a_daily_job_has_one_partition_per_day_in_its_own_time_zone() -> None:
    partitions = batch_partitions(DAILY)

    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert partitions.timezone == "Europe/Paris"
    keys = partitions.get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1]) == ("2026-11-01", "2026-11-22")


def test_a_manual_job_has_named_partitions() -> None:
    partitions = batch_partitions(MANUAL)

    assert isinstance(partitions, dg.DynamicPartitionsDefinition)
    assert partitions.name == "mail"


def test_without_a_key_a_daily_job_takes_the_last_day_that_is_over_where_it_lives() -> None:
    assert default_batch_key(DAILY, NOW) == "2026-11-22"


def test_without_a_key_a_manual_job_makes_a_new_batch_that_sorts_by_time() -> None:
    assert default_batch_key(MANUAL, NOW) == "run-20261122t233015z"


@pytest.mark.parametrize("key", ["a/b", "..", "", "Upper", "-first", "x" * 64, "a b", "ä"])
def test_a_key_that_could_become_a_folder_of_its_own_is_refused(key: str) -> None:
    with pytest.raises(SpecError, match="is not a batch key"):
        checked_batch_key(MANUAL, key, NOW)


@pytest.mark.parametrize("key", ["2026-10-31", "2026-11-23", "run-1", "2026-02-30"])
def test_a_daily_job_refuses_a_day_that_is_not_over_or_not_a_day(key: str) -> None:
    with pytest.raises(SpecError, match="mail has"):
        checked_batch_key(DAILY, key, NOW)


def test_a_good_key_is_taken_as_it_is() -> None:
    assert checked_batch_key(DAILY, "2026-11-01", NOW) == "2026-11-01"
    assert checked_batch_key(MANUAL, "re-run-3", NOW) == "re-run-3"
