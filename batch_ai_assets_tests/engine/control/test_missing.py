"""A window that should have its batch and has none is told, over changes of the clock as well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from batch_ai_assets.engine.control.missing import Window, expected, missing
from batch_ai_assets.engine.spec.job import JobSpec

from ...jobs import job_file

HOUR = 3600.0


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def spec(**batches: Any) -> JobSpec:
    said = {"cadence": "daily", "at": "02:00", "timezone": "Europe/Paris", "window": "file_time"}
    return JobSpec.model_validate(job_file(batches={**said, **batches}))


def keys(job: JobSpec, now: str, since: str = "2026-01-01") -> list[str]:
    return [one.batch for one in expected(job, utc(since), utc(now))]


def test_a_job_without_a_clock_is_expected_to_do_nothing() -> None:
    assert keys(JobSpec.model_validate(job_file()), "2026-05-01") == []


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        # 02:00 in Paris is 01:00 UTC in winter; an hour of grace follows.
        ("2026-01-15 01:59", "2026-01-13"),
        ("2026-01-15 02:00", "2026-01-14"),
        # The clock goes forward: 02:00 does not exist, and counts as 03:00, 01:00 UTC.
        ("2026-03-29 01:59", "2026-03-27"),
        ("2026-03-29 02:00", "2026-03-28"),
        # And back: 02:00 comes twice, the first one is 00:00 UTC.
        ("2026-10-25 00:59", "2026-10-23"),
        ("2026-10-25 01:00", "2026-10-24"),
    ],
)
def test_a_window_is_expected_an_hour_after_it_was_due(now: str, newest: str) -> None:
    assert keys(spec(), now)[0] == newest


def test_what_fell_due_before_anybody_watched_is_not_expected() -> None:
    assert keys(spec(), "2026-05-10 12:00", since="2026-05-08 12:00") == [
        "2026-05-09", "2026-05-08",
    ]  # fmt: skip


def test_the_grace_is_the_jobs() -> None:
    job = spec(missing_after="3h")
    assert keys(job, "2026-01-15 03:59")[0] == "2026-01-13"
    assert keys(job, "2026-01-15 04:00")[0] == "2026-01-14"


def test_a_batch_that_may_start_off_peak_alone_is_expected_then() -> None:
    job = spec(cadence="hourly", at="00:00", start_window={"from": "22:00", "until": "06:00"})
    found = expected(job, utc("2026-01-15 08:00"), utc("2026-01-15 21:30"))
    assert found == [], "08:00 to 22:00 in Paris are due at 22:00, 21:00 UTC"
    assert len(expected(job, utc("2026-01-15 08:00"), utc("2026-01-15 22:00"))) > 10


def test_of_a_job_that_takes_what_is_there_the_newest_window_alone_is_expected() -> None:
    assert keys(spec(window="snapshot"), "2026-05-10 12:00") == ["2026-05-09"]


WINDOWS = [Window("2026-05-03", 3.0), Window("2026-05-02", 2.0), Window("2026-05-01", 1.0)]


def test_a_window_without_a_batch_is_missing() -> None:
    found = missing("mail", WINDOWS, {"2026-05-03": 5, "2026-05-01": None})
    assert list(found) == ["2026-05-02"]
    alert = found["2026-05-02"]
    assert (alert.kind, alert.severity) == ("missing_batch", "error")
    assert "`batch-ai run mail --batch 2026-05-02`" in alert.message


def test_a_batch_without_documents_is_told_until_a_later_one_has_some() -> None:
    assert list(missing("mail", WINDOWS[1:], {"2026-05-02": 0, "2026-05-01": 4})) == ["2026-05-02"]
    assert missing("mail", WINDOWS, {"2026-05-03": 5, "2026-05-02": 0, "2026-05-01": 4}) == {}
