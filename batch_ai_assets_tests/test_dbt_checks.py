"""dbt tests as asset checks on the results, and by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from batch_ai_assets.dbt_files import known_tests
from batch_ai_assets.definitions import build_defs
from batch_ai_assets.settings import settings

from .jobs import job_file, write_documents
from .running import Platform, batch_ai, letters, refused

Make = Callable[..., Platform]


@pytest.fixture
def with_dbt(platform: Make, monkeypatch: pytest.MonkeyPatch) -> Platform:
    here = platform(job_file())
    monkeypatch.setenv("BATCH_AI_DBT", "true")
    settings.cache_clear()
    return here


def of_dbt(run: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    found = {one.check_name: one for one in run.get_asset_check_evaluations()}
    return {name: one for name, one in found.items() if name.startswith("dbt_")}


def test_every_test_is_a_check_of_the_batch(with_dbt: Platform) -> None:
    write_documents(with_dbt.home, "mail", {**letters(3), **refused(1)})
    run = with_dbt.run("mail", "monday")
    assert run.success
    found = of_dbt(run)
    assert set(found) == {f"dbt_{name}" for name in known_tests()}
    assert all(one.passed for one in found.values())
    one = found["dbt_results_have_one_row_per_document"]
    assert one.partition == "monday"
    assert "one row among the results" in str(one.metadata["meaning"].value)


def test_a_batch_without_documents_passes_without_dbt(with_dbt: Platform) -> None:
    write_documents(with_dbt.home, "mail", {})
    run = with_dbt.run("mail", "monday")
    assert all(one.passed for one in of_dbt(run).values())


def test_where_it_is_switched_off_there_are_no_such_checks(platform: Make) -> None:
    here = platform(job_file())
    keys = build_defs(here.registry).get_repository_def().asset_graph.asset_check_keys
    assert not [key for key in keys if key.name.startswith("dbt_")]


@pytest.mark.drill
def test_by_hand_a_defect_is_named_with_its_documents(with_dbt: Platform) -> None:
    write_documents(with_dbt.home, "mail", letters(3))
    assert batch_ai("run", "mail", "--batch", "monday").exit_code == 0
    sound = batch_ai("dbt", "mail", "monday")
    assert sound.exit_code == 0, sound.output
    assert f"{len(known_tests())} tests, 0 failed" in sound.output

    [file] = Path(settings().data_url, "mail", "results", "monday").rglob("*.parquet")
    table = pq.read_table(file)
    pq.write_table(table.slice(1), file)
    found = batch_ai("dbt", "mail", "monday")
    assert found.exit_code == 1
    assert "FAILED  results_are_the_valid_documents" in found.output
    assert "1 row fails, the first: m000." in found.output
