"""A batch whose documents are not what its job expects warns, or stops before the first call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_ai_assets.engine.batch import Mode, Outcome
from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.state.life_cycle import State
from batch_ai_assets.engine.state.sizes import earlier_sizes
from batch_ai_assets.engine.validation.check_result import INPUT_MEANINGS, CheckResult
from batch_ai_assets.local_provider.process import LocalProvider

from ..world import SPEC, World, merged, message, world

EMPTY = {"id": "hollow", "text": "   "}


def judged(outcome: Outcome) -> dict[str, CheckResult]:
    assert outcome.record is not None
    found = {check.name: check for check in outcome.record.checks if check.name in INPUT_MEANINGS}
    assert list(found) == list(INPUT_MEANINGS)
    return found


def asked(model: LocalProvider) -> int:
    return sum(item["answers"] for item in model.stats()["items"].values())


def with_bars(job: ResolvedJob, **bars: Any) -> ResolvedJob:
    spec = JobSpec.model_validate(merged(SPEC, {"input_quality": bars}))
    return job.model_copy(update={"spec": spec})


def test_findings_warn_in_the_completion_record_and_stop_nothing(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    with world(tmp_path, stub_model.base_url) as here:
        here.write_messages([*map(message, range(9)), EMPTY])
        outcome = here.run()

    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS
    empty = judged(outcome)["input_empty"]
    assert not empty.passed
    assert not empty.stops_release
    assert "1 of 10 documents have no visible text (10.00%), the first: hollow" in empty.found
    assert [name for name, check in judged(outcome).items() if not check.passed] == ["input_empty"]


def test_a_blocking_finding_stops_the_batch_before_the_first_call(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    stub_model.reset_stats()
    bars = {"input_quality": {"block": ["empty"]}}
    with world(tmp_path, stub_model.base_url, bars) as here:
        here.write_messages([*map(message, range(9)), EMPTY])
        outcome = here.run()
        plan = here.deps.store.batches.latest_plan("topics", "b1")

    assert (outcome.state, plan) == (State.HALTED, None)
    assert asked(stub_model) == 0
    record = outcome.record
    assert record is not None
    assert (record.state, record.reason, record.results_location) == ("halted", "checks", None)
    assert record.conservation.line.startswith("10 items = 10 pending")
    assert [check.name for check in record.checks if check.stops_release] == ["input_empty"]
    assert "batch-ai run topics --batch b1" in record.next_step
    assert "hollow" in outcome.message


def test_a_refused_batch_reads_its_input_anew_once_it_is_mended(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    bars = {"input_quality": {"block": ["empty"]}}
    with world(tmp_path, stub_model.base_url, bars) as here:
        here.write_messages([*map(message, range(3)), EMPTY])
        assert here.run().state is State.HALTED
        assert here.run().state is State.HALTED
        here.write_messages([*map(message, range(3)), {"id": "hollow", "text": "[[id:x]] full"}])
        outcome = here.run()
        states = [move.to_state for move in here.deps.store.transitions("topics", "b1")]

        assert outcome.state is State.COMPLETED
        assert len(here.results()) == 4
        assert all(check.passed for check in judged(outcome).values())
        assert states == ["planned", "halted", "running", "completed"]


def test_a_refused_batch_goes_on_once_its_bar_is_moved(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    with world(tmp_path, stub_model.base_url) as here:
        strict = with_bars(here.job, block=["empty"])
        here.write_messages([*map(message, range(3)), EMPTY])
        assert here.run(job=strict).state is State.HALTED
        outcome = here.run(job=with_bars(here.job, block=["empty"], empty=0.5))

    assert outcome.state is State.COMPLETED_WITH_DEAD_LETTERS


def test_a_batch_that_is_planned_is_judged_by_the_bars_it_was_planned_with(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    with world(tmp_path, stub_model.base_url) as here:
        here.write_messages([*map(message, range(3)), EMPTY])
        first = here.run()
        again = here.run(job=with_bars(here.job, block=["empty"]))

    assert first.state is again.state is State.COMPLETED_WITH_DEAD_LETTERS


def test_a_finished_batch_keeps_its_record_where_its_next_version_is_refused(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    with world(tmp_path, stub_model.base_url) as here:
        here.write_messages([*map(message, range(3)), EMPTY])
        first = here.run()
        refused = here.run(mode=Mode.REPROCESS, job=with_bars(here.job, block=["empty"]))
        again = here.run()

        assert refused.state is State.HALTED
        assert "input_empty" in refused.message
        assert again.record == first.record
        assert len(here.results()) == 3


def test_documents_that_came_twice_are_counted_and_answered_once(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    with world(tmp_path, stub_model.base_url) as here:
        twice = [message(1), {**message(1), "id": "again"}]
        here.write_messages([*twice, message(1), message(2)])
        duplicate = judged(here.run())["input_duplicate"]

    assert not duplicate.passed
    assert duplicate.figures["same_text"] == 1
    assert duplicate.figures["same_id"] == 1


def test_a_document_that_is_too_long_for_its_group_is_a_finding(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    offer = {"models": {"stub": {"context_tokens": 700}}}
    wordy = {"max_tokens": 400}
    groups = [{"name": "wordy", "tokens_from": 100, "parameters": wordy}]
    rows = [message(1), message(2, "word " * 150)]
    with world(tmp_path / "a", stub_model.base_url, {"groups": groups}, offer) as here:
        here.write_messages(rows)
        with_groups = judged(here.run())["input_over_long"]
    with world(tmp_path / "b", stub_model.base_url, provider=offer) as here:
        here.write_messages(rows)
        without = judged(here.run())["input_over_long"]

    assert "the first: m2" in with_groups.found
    assert without.passed


def test_a_batch_of_unusual_size_is_seen_once_there_are_enough_to_compare_with(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    with world(tmp_path, stub_model.base_url) as here:
        sizes = []
        for number in range(6):
            here.write_messages(map(message, range(2 if number < 5 else 7)))
            size = judged(here.run(f"b{number}"))["input_size"]
            sizes.append((size.passed, size.figures.get("median")))

        assert sizes == [(True, None)] * 5 + [(False, 2.0)]


def test_earlier_sizes_are_those_of_the_newest_version_of_each_batch(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    with world(tmp_path, stub_model.base_url) as here:
        for number in range(4):
            here.write_messages(map(message, range(number + 1)))
            here.run(f"b{number}")
        here.run("b1", mode=Mode.REPROCESS)
        database = here.deps.store.database

        assert earlier_sizes(database, "topics", "new") == [2, 4, 3, 1]
        assert earlier_sizes(database, "topics", "new", limit=2) == [2, 4]
        assert earlier_sizes(database, "topics", "b2") == [2, 1]
        assert earlier_sizes(database, "other", "new") == []


@pytest.fixture
def letters(tmp_path: Path, stub_model: LocalProvider) -> Any:
    with world(tmp_path, stub_model.base_url) as here:
        here.write_messages(map(message, range(3)))
        yield here


def test_the_figures_are_counted_once_for_a_manifest(
    letters: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    real = "batch_ai_assets.engine.inspection.profile"
    from batch_ai_assets.engine.inspection import profile

    def counting(raw: Any, sealer: Any) -> Any:
        counted.append(raw.path)
        return profile(raw, sealer)

    monkeypatch.setattr(real, counting)
    letters.run()
    letters.run(mode=Mode.REPROCESS)

    assert len(counted) == 1


def test_a_damaged_figure_file_is_counted_anew(letters: World) -> None:
    first = letters.run()
    [kept] = letters.home.rglob("_profile.json")
    kept.write_text("{")
    again = letters.run(mode=Mode.REPROCESS)

    assert judged(again) == judged(first)


def test_no_document_text_stands_in_a_finding_or_beside_the_manifest(
    tmp_path: Path, stub_model: LocalProvider
) -> None:
    secret = "the parrot knows the combination"
    with world(tmp_path, stub_model.base_url) as here:
        here.write_messages([message(n, secret) for n in range(3)] + [EMPTY, EMPTY, {"id": "q"}])
        outcome = here.run()
        [kept] = here.home.rglob("_profile.json")

    assert "parrot" not in kept.read_text()
    assert not [check for check in judged(outcome).values() if "parrot" in repr(check)]
