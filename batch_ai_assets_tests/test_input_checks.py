"""The checks on `raw_inputs` in a Dagster run: what they show, and how a blocking one stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from batch_ai_assets.asset_checks import INPUT_CHECKS
from batch_ai_assets.connections import open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.validation.check_result import INPUT_MEANINGS

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, evaluations, failure, input_evaluations, letters

Make = Callable[..., Platform]
HOLLOW = {"hollow": "  "}


@pytest.fixture
def strict(platform: Make) -> Platform:
    """A job that asks nothing where a document is empty."""
    return platform(job_file(input_quality={"block": ["empty"]}))


def alone(here: Platform, batch: str) -> dg.ExecuteInProcessResult:
    """The checks of the documents, repeated by themselves."""
    keys: list[Any] = [
        dg.AssetCheckKey(dg.AssetKey(["mail", "raw_inputs"]), words.name) for words in INPUT_CHECKS
    ]
    job = build_defs(here.registry).resolve_implicit_global_asset_job_def()
    return job.get_subset(
        asset_selection=set(), asset_check_selection=set(keys)
    ).execute_in_process(
        instance=here.instance, tags={"dagster/partition": batch}, raise_on_error=False
    )


def test_a_run_shows_every_check_of_its_documents_for_its_batch(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(9), **HOLLOW})

    run = here.run("mail", "monday")

    assert run.success
    found = input_evaluations(run)
    assert list(INPUT_MEANINGS) == [words.name for words in INPUT_CHECKS]
    assert set(found) == set(INPUT_MEANINGS)
    for one in found.values():
        assert one.partition == "monday"
        assert one.asset_key == dg.AssetKey(["mail", "raw_inputs"])
        assert {"meaning", "found", "bar", "to_do"} <= set(one.metadata)
        assert any(isinstance(v, dg.FloatMetadataValue) for v in one.metadata.values())
    assert [name for name, one in found.items() if not one.passed] == ["input_empty"]
    assert found["input_empty"].severity == dg.AssetCheckSeverity.WARN
    assert "hollow" in str(found["input_empty"].description)


def test_a_blocking_check_stops_the_run_before_the_plan(strict: Platform) -> None:
    write_documents(strict.home, "mail", {**letters(9), **HOLLOW})

    run = strict.run("mail", "monday")

    assert strict.status(run) == dg.DagsterRunStatus.FAILURE
    assert strict.state(run) == "halted: checks"
    assert "input_empty" in failure(run)
    assert set(input_evaluations(run)) == set(INPUT_MEANINGS)
    assert not evaluations(run)
    assert strict.answers() == {}
    assert strict.newest("mail", "raw_inputs", "monday") is not None
    assert strict.newest("mail", "work_plan", "monday") is None


def test_the_command_line_names_the_check_and_calls_it_no_defect(strict: Platform) -> None:
    write_documents(strict.home, "mail", {**letters(9), **HOLLOW})

    said = batch_ai("run", "mail", "--batch", "monday")

    assert said.exit_code == 1
    assert "input_empty" in said.stdout
    assert "defect" not in said.output


def test_a_refused_batch_has_its_report_in_dagster(strict: Platform) -> None:
    write_documents(strict.home, "mail", {**letters(9), **HOLLOW})

    run = strict.run("mail", "monday")

    record = strict.report("mail", "monday").record()
    assert (record.state, record.reason, record.run_id) == ("halted", "checks", run.run_id)
    shown = strict.newest("mail", "completion_report", "monday")
    assert shown is not None
    assert shown.metadata["run"].value == run.run_id
    assert shown.metadata["pending"].value == 10
    with open_deps() as deps:
        assert deps.store.batches.state("mail", "monday") is State.HALTED


def test_the_next_run_reads_the_mended_documents(strict: Platform) -> None:
    write_documents(strict.home, "mail", {**letters(3), **HOLLOW})
    assert not strict.run("mail", "monday").success
    write_documents(strict.home, "mail", letters(4))

    run = strict.run("mail", "monday")

    assert run.success
    assert all(one.passed for one in input_evaluations(run).values())
    assert len(strict.answers()) == 4


def test_a_plan_made_by_hand_is_refused_as_well(strict: Platform) -> None:
    write_documents(strict.home, "mail", {**letters(3), **HOLLOW})
    strict.instance.add_dynamic_partitions("mail", ["monday"])
    whole = build_defs(strict.registry).resolve_implicit_global_asset_job_def()
    for asset in ("raw_inputs", "work_plan"):
        key = dg.AssetKey(["mail", asset])
        run = whole.get_subset(
            asset_selection={key}, asset_check_selection=set()
        ).execute_in_process(
            instance=strict.instance, tags={"dagster/partition": "monday"}, raise_on_error=False
        )
        with open_deps() as deps:  # else the second waits until the lease of the first runs out
            deps.store.leases.release("mail", "monday", run.run_id)

    assert not run.success
    assert strict.state(run) == "halted: checks"
    assert "input_empty" in failure(run)


def test_a_check_that_is_repeated_by_itself_changes_nothing(strict: Platform) -> None:
    write_documents(strict.home, "mail", {**letters(3), **HOLLOW})
    strict.run("mail", "monday")
    before = strict.report("mail", "monday").record()

    run = alone(strict, "monday")

    assert set(input_evaluations(run)) == set(INPUT_MEANINGS)
    assert strict.report("mail", "monday").record() == before


def test_a_check_of_a_batch_that_nobody_read_says_what_to_do(strict: Platform) -> None:
    strict.instance.add_dynamic_partitions("mail", ["never"])

    run = alone(strict, "never")

    assert "Materialize raw_inputs first" in failure(run)


def test_a_batch_that_was_planned_is_not_stopped_by_a_bar_set_later(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {**letters(3), **HOLLOW})
    assert here.run("mail", "monday").success
    platform(job_file(input_quality={"block": ["empty"]}))

    assert here.run("mail", "monday").success


def test_the_command_line_says_what_is_wrong_with_the_documents(strict: Platform) -> None:
    write_documents(strict.home, "mail", {**letters(3), **HOLLOW})

    result = batch_ai("run", "mail", "--batch", "monday")

    assert result.exit_code != 0
    assert "4 items = 4 pending" in result.output
    assert "input_empty: 1 of 4 documents have no visible text" in result.output
    assert "Traceback" not in result.output
