"""Runs that are launched, killed and terminated in the Dagster UI, judged from the model's side."""

from __future__ import annotations

import os
import signal

from batch_ai_assets.asset_checks import CHECKS
from batch_ai_assets.local_provider.process import LocalProvider

from .conftest import CONCURRENCY, DOCUMENTS, LATENCY_MS
from .dagster_ui import Ui, until

COMMIT_SECONDS = 1.0
RATE = CONCURRENCY / (LATENCY_MS / 1000)
BOUND = CONCURRENCY + RATE * COMMIT_SECONDS


def answers(model: LocalProvider, job: str) -> dict[str, int]:
    """Answers that the model delivered, by document of the job."""
    items = model.stats()["items"]
    return {name: item["answers"] for name, item in items.items() if name.startswith(job)}


def some(model: LocalProvider, job: str) -> dict[str, int]:
    """Wait until the job is in its middle."""
    return until(
        lambda: seen if sum((seen := answers(model, job)).values()) >= DOCUMENTS // 4 else None,
        f"{job} to get going",
        120,
    )


def retry_of(ui: Ui, job: str, run_id: str) -> str:
    """The run that came after this one by itself."""
    return until(
        lambda: next((r["runId"] for r in ui.runs(job) if r["parentRunId"] == run_id), None),
        f"run {run_id} to come back by itself",
        180,
    )


def test_a_run_from_the_ui_ends_with_every_document_accounted_for(
    ui: Ui, fast_model: LocalProvider
) -> None:
    ui.add_batch("mail", "monday")

    run = ui.finished(ui.launch("mail", "monday"))

    assert run["status"] == "SUCCESS"
    assert run["tags"]["batch_ai/state"] == "completed_with_dead_letters"
    report = ui.materialization("mail", "completion_report", "monday")
    figures = report["metadata"]
    assert report["run_id"] == run["runId"]
    assert (figures["items"], figures["valid"], figures["dead"]) == (52, 50, 2)
    assert figures["conservation_holds"] is True
    assert figures["cost_usd"] > 0
    results = ui.materialization("mail", "results", "monday")
    assert results["metadata"]["dagster/row_count"] == 50


def test_the_checks_of_a_batch_say_what_they_found(ui: Ui) -> None:
    until(lambda: ui.checks("mail", "monday") or None, "the checks of monday", 120)

    checks = ui.checks("mail", "monday")

    assert set(checks) == {words.name for words in CHECKS}
    for name in ("completeness", "schema", "rules", "lineage"):
        assert checks[name]["status"] == "SUCCEEDED", checks[name]
        assert checks[name]["blocking"]
    for name, check in checks.items():
        assert {"meaning", "found", "bar", "trend", "to_do"} <= set(check["metadata"])
        figures = [value for value in check["metadata"].values() if isinstance(value, float)]
        assert figures or name == "confidence"  # of which this job says nothing


def test_a_worker_killed_in_the_middle_comes_back_by_itself_and_pays_next_to_nothing_twice(
    ui: Ui, slow_model: LocalProvider
) -> None:
    ui.add_batch("killed", "monday")
    first = ui.launch("killed", "monday")
    worker = ui.worker(first)
    some(slow_model, "killed")

    os.kill(worker, signal.SIGKILL)

    assert ui.finished(first)["status"] == "FAILURE"
    assert ui.finished(retry_of(ui, "killed", first))["status"] == "SUCCESS"
    figures = ui.materialization("killed", "completion_report", "monday")["metadata"]
    assert (figures["items"], figures["valid"]) == (DOCUMENTS, DOCUMENTS)
    counts = answers(slow_model, "killed")
    assert len(counts) == DOCUMENTS
    assert sum(counts.values()) - DOCUMENTS <= BOUND


def test_a_worker_told_to_go_drains_comes_back_by_itself_and_pays_nothing_twice(
    ui: Ui, slow_model: LocalProvider
) -> None:
    ui.add_batch("warned", "monday")
    first = ui.launch("warned", "monday")
    worker = ui.worker(first)
    some(slow_model, "warned")

    os.kill(worker, signal.SIGTERM)

    ended = ui.finished(first)
    assert ended["status"] == "FAILURE"
    assert ended["tags"]["batch_ai/state"] == "interrupted"
    assert ui.finished(retry_of(ui, "warned", first))["status"] == "SUCCESS"
    counts = answers(slow_model, "warned")
    assert len(counts) == DOCUMENTS
    assert set(counts.values()) == {1}


def test_terminate_drains_what_is_in_flight_and_the_next_run_pays_nothing_twice(
    ui: Ui, slow_model: LocalProvider
) -> None:
    ui.add_batch("stopped", "monday")
    first = ui.launch("stopped", "monday")
    some(slow_model, "stopped")

    ui.terminate(first)

    ended = ui.finished(first)
    assert ended["status"] == "CANCELED"
    assert ended["tags"]["batch_ai/state"] == "interrupted"
    before = answers(slow_model, "stopped")
    assert len(before) < DOCUMENTS
    unfinished = ui.materialization("stopped", "completion_report", "monday")["metadata"]
    assert unfinished["answered"] == len(before)
    assert unfinished["pending"] == DOCUMENTS  # an answer without a verdict is no end yet
    assert ui.finished(ui.launch("stopped", "monday"))["status"] == "SUCCESS"
    after = answers(slow_model, "stopped")
    assert len(after) == DOCUMENTS
    assert set(after.values()) == {1}


def test_a_broken_job_file_shows_up_by_itself(ui: Ui) -> None:
    found = until(lambda: ui.check("job_registry", "every_job_loads"), "the registry's check", 120)

    assert found["status"] == "FAILED"
    assert "purpoze" in str(found["metadata"]["lost"])
