"""Which batch `batch-ai run` takes, and refuses, of jobs that run by the clock or after another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from batch_ai_assets.commands.wanted import wanted
from batch_ai_assets.engine.spec.registry import load_registry

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters

Make = Callable[..., Platform]

HOURLY = job_file(
    batches={"cadence": "hourly", "window": "path"},
    input={"path": "{home}/inbox/mail/{date}", "format": "jsonl"},
)
SNAPSHOT = job_file(batches={"cadence": "weekly", "weekday": "sunday", "at": "00:00"})
AFTER = job_file("after", input={"asset": "mail", "text": "topic"}, data_classification="internal")


def test_without_a_key_an_hourly_job_runs_the_last_hour_that_is_over(platform: Make) -> None:
    here = platform(HOURLY)
    # Both, should the clock pass the hour in between.
    hours = [datetime.now(UTC) - timedelta(hours=back) for back in (1, 0)]
    keys = [f"{hour:%Y-%m-%d-%H}" for hour in hours]
    for key in keys:
        write_documents(here.home, "mail", letters(2), f"{key}/in.jsonl")

    result = batch_ai("run", "mail")

    assert result.exit_code == 0, result.output
    assert any(f"mail {key} v1: completed" in result.stdout for key in keys)


def test_a_batch_that_is_not_over_or_not_a_key_of_the_job_is_wrong_usage(platform: Make) -> None:
    platform(HOURLY)
    soon = f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%d-%H}"

    for key, said in ((soon, "is not one of them"), ("2026-11-22", "2026-11-22-14")):
        result = batch_ai("run", "mail", "--batch", key)
        assert result.exit_code == 2
        assert said in " ".join(result.output.split())


def test_a_snapshot_of_a_past_week_is_refused_and_the_newest_one_named(platform: Make) -> None:
    here = platform(SNAPSHOT)
    write_documents(here.home, "mail", letters(2))
    newest = wanted(load_registry(here.folder), "mail", None)[1]
    past = str((datetime.fromisoformat(newest) - timedelta(weeks=2)).date())

    result = batch_ai("run", "mail", "--batch", past)

    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert f"belongs to batch {newest} now" in said
    assert "choose batches.window: path, column or file_time" in said
    assert here.model.stats()["calls"] == 0


def test_a_job_that_follows_another_takes_what_that_released_last(platform: Make) -> None:
    here = platform(job_file(), AFTER)
    write_documents(here.home, "mail", letters(2))
    early = batch_ai("run", "after")
    batch_ai("run", "mail", "--batch", "monday")

    result = batch_ai("run", "after")

    assert early.exit_code == 2
    assert "batch-ai run mail" in " ".join(early.output.split())
    assert result.exit_code == 0, result.output
    assert "after monday v1: completed" in result.stdout


def test_status_of_a_job_says_what_comes_next(platform: Make) -> None:
    arriving = job_file("arriving", batches={"cadence": "on_arrival", "arrival": {"items": 500}})
    closing = job_file("closing", batches={"cadence": "monthly", "day": 1, "at": "04:30"})
    platform(job_file(), AFTER, arriving, closing)
    month = f"{datetime.now(UTC):%Y-%m}"

    said = {job: batch_ai("status", job).stdout for job in ("after", "arriving", "closing")}

    assert said["after"].startswith("next: nothing by itself, since mail is run by hand.")
    assert "turn on after__chain under Automation in the UI\n" in said["after"]
    assert said["arriving"].startswith("next: Nothing is waiting.\n")
    assert said["closing"].startswith(f"next: {month}, due ")
    assert "-01 04:30 UTC\n" in said["closing"]
    assert all("There is no batch" in text for text in said.values())


def test_an_estimate_is_of_the_batch_that_status_calls_next_and_says_that_it_is_open(
    platform: Make,
) -> None:
    here = platform(job_file(batches={"cadence": "daily", "at": "02:00"}))
    write_documents(here.home, "mail", letters(2))
    ahead = batch_ai("status", "mail").stdout.split()[1].rstrip(",")

    by_default = batch_ai("estimate", "mail").stdout
    named = batch_ai("estimate", "mail", "--batch", ahead)
    too_far = batch_ai("estimate", "mail", "--batch", "2999-01-01")

    assert f"mail {ahead}" in by_default
    assert "2 documents" in by_default
    assert named.exit_code == 0, named.output
    assert too_far.exit_code == 2
    if ahead == f"{datetime.now(UTC):%Y-%m-%d}":  # before two it is yesterday's, which is over
        assert "its window is open until" in by_default
