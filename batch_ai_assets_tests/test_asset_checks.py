from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from batch_ai_assets.asset_checks import CHECKS, evaluation
from batch_ai_assets.connections import open_deps
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.engine.batch import Run, run_batch
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.validation.check_result import CheckResult

from .defects import lost, plant, swapped
from .jobs import job_file, write_documents
from .running import Platform, evaluations, failure, letters, refused

Make = Callable[..., Platform]
BLOCKING = {"completeness", "schema", "rules", "lineage"}


@pytest.fixture
def few_may_die(platform: Make) -> Platform:
    """A job whose dead-letter rate blocks the release, already in small batches."""
    bars = {"block": ["dead_letter_rate"], "min_items": 1, "dead_letter_rate_error": 0.1}
    return platform(job_file(thresholds=bars))


def test_a_batch_that_passes_shows_every_check_with_its_figures(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(5))

    found = evaluations(here.run("mail", "monday"))

    assert set(found) == {words.name for words in CHECKS}
    for one in found.values():
        assert one.partition == "monday"
        assert {"meaning", "found", "bar", "to_do"} <= set(one.metadata)
        figures = [v for v in one.metadata.values() if isinstance(v, dg.FloatMetadataValue)]
        assert figures or one.check_name == "confidence"  # of which this job says nothing
    assert all(found[name].passed for name in BLOCKING)


def test_a_rate_in_error_shows_and_does_not_block(platform: Make) -> None:
    here = platform(job_file(thresholds={"min_items": 1}))
    write_documents(here.home, "mail", {**letters(3), **refused(3)})

    run = here.run("mail", "monday")

    assert run.success
    dead = evaluations(run)["dead_letter_rate"]
    assert not dead.passed
    assert here.newest("mail", "results", "monday") is not None


def test_a_blocking_check_stops_the_release_and_nothing_else_is_hidden(
    few_may_die: Platform,
) -> None:
    here = few_may_die
    write_documents(here.home, "mail", {**letters(3), **refused(3)})

    run = here.run("mail", "monday")

    assert here.status(run) == dg.DagsterRunStatus.FAILURE
    assert here.state(run) == "halted: checks"
    found = evaluations(run)
    assert set(found) == {words.name for words in CHECKS}
    assert not found["dead_letter_rate"].passed
    assert here.newest("mail", "results", "monday") is None


def test_a_batch_that_a_check_stopped_still_has_its_report_and_dead_letters(
    few_may_die: Platform,
) -> None:
    here = few_may_die
    write_documents(here.home, "mail", {**letters(3), **refused(3)})

    run = here.run("mail", "monday")

    record = here.report("mail", "monday").record()
    assert (record.state, record.reason) == ("halted", "checks")
    report = here.newest("mail", "completion_report", "monday")
    dead = here.newest("mail", "dead_letter_queue", "monday")
    assert report is not None
    assert dead is not None
    assert report.metadata["run"].value == run.run_id
    assert dead.metadata["dagster/row_count"].value == 3


def test_a_check_that_is_repeated_by_itself_changes_nothing(few_may_die: Platform) -> None:
    here = few_may_die
    write_documents(here.home, "mail", {**letters(3), **refused(3)})
    here.run("mail", "monday")
    before = here.report("mail", "monday").record()
    assert set(checks_alone(here)()) == {words.name for words in CHECKS}
    assert here.report("mail", "monday").record() == before


def test_a_check_that_is_repeated_goes_red_on_an_edited_table_and_green_on_the_restored_one(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(5))
    with open_deps() as deps:
        run_batch(here.registry.jobs["mail"], "monday", Run("run-1", "test"), deps)
        results = deps.tables.latest("mail", "results", "monday")
    assert results is not None
    file = Path(results.files[0])
    sound = file.read_bytes()

    plant(file, swapped("m000", "m001", "item_id", "output_id", "input_hash"), lost("m002"))
    repeat = checks_alone(here)
    found = repeat()
    assert {name for name in BLOCKING if not found[name].passed} == {"completeness", "lineage"}
    assert "m002" in str(found["completeness"].description)
    assert "m000, m001" in str(found["lineage"].description)

    file.write_bytes(sound)
    assert all(one.passed for one in repeat().values())


Repeat = Callable[[], dict[str, dg.AssetCheckEvaluation]]


def checks_alone(here: Platform) -> Repeat:
    """Executes the checks of a batch alone, as often as it is called."""
    here.instance.add_dynamic_partitions(here.registry.jobs["mail"].partitions, ["monday"])
    keys: list[Any] = [
        dg.AssetCheckKey(dg.AssetKey(["mail", "validation_report"]), words.name) for words in CHECKS
    ]
    alone = build_defs(here.registry).resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection=set(keys)
    )

    def repeat() -> dict[str, dg.AssetCheckEvaluation]:
        run = alone.execute_in_process(
            instance=here.instance, tags={"dagster/partition": "monday"}, raise_on_error=False
        )
        return evaluations(run)

    return repeat


def test_a_failed_check_ends_its_run_and_says_so(few_may_die: Platform) -> None:
    here = few_may_die
    write_documents(here.home, "mail", {**letters(3), **refused(3)})

    run = here.run("mail", "monday")

    assert "dead_letter_rate" in failure(run)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("error", dg.AssetCheckSeverity.ERROR), ("warn", dg.AssetCheckSeverity.WARN)],
)
def test_a_finding_keeps_its_severity_and_its_words(
    platform: Make, severity: Any, expected: dg.AssetCheckSeverity
) -> None:
    job = platform(job_file()).registry.jobs["mail"]
    finding = CheckResult(
        "rules", False, severity, True, "Keeps.", "Two", "none", "Look.", {"broken": 2}
    )

    shown = evaluation(job, finding)

    assert shown.severity == expected
    assert shown.metadata["broken"] == dg.FloatMetadataValue(2.0)
    assert (shown.description or "").split() == ["Two.", "Bar:", "none.", "Look."]


def test_checks_that_cannot_be_made_still_end_the_batch_with_a_state(
    platform: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "a private letter"  # not in the line that raises: its code is kept

    def defect(*_: object) -> None:
        raise ValueError(words)

    here = platform(job_file())
    write_documents(here.home, "mail", letters(3))
    monkeypatch.setattr("batch_ai_assets.engine.batch.run_checks", defect)

    run = here.run("mail", "monday")

    assert here.status(run) == dg.DagsterRunStatus.FAILURE
    assert failure(run).startswith("A defect (ValueError) stopped mail/monday")
    kept = " ".join(dg.serialize_value(one) for one in here.instance.all_logs(run.run_id))
    assert "in defect" in kept, "the place in the code is kept"
    assert words not in kept, "its words, which may quote a document, are not"
    with open_deps() as deps:
        assert deps.store.batches.state("mail", "monday") is State.FAILED
        assert deps.store.batches.latest_record("mail", "monday") is not None

    monkeypatch.undo()
    assert here.run("mail", "monday").success
