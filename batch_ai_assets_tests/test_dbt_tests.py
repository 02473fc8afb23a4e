"""dbt over one batch: a defect that is planted in its Parquet is found by the test meant for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_ai_assets.dbt_tests import PROJECT, DbtRun, _never_null, known_tests, run_dbt
from batch_ai_assets.engine.errors import OrderError

from .defects import DEFECTS, judged_world, planted
from .engine.world import World, stub, world

PROMISES = (
    "dead_letters_are_the_dead_documents", "documents_have_one_verdict",
    "results_are_named_for_ever", "results_are_the_valid_documents",
    "results_have_one_row_per_document", "results_have_their_fields",
    "results_have_their_lineage", "results_hold_what_was_answered",
    "results_keep_to_the_taxonomy", "results_keep_to_their_ranges", "results_meet_the_rules",
    "results_stem_from_a_document", "reviews_are_the_documents_in_review",
)  # fmt: skip


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with judged_world(tmp_path_factory.mktemp("dbt")) as here:
        yield here


def failed(run: DbtRun) -> dict[str, tuple[int, tuple[str, ...]]]:
    assert [one.trouble for one in run.findings if one.trouble] == []
    return {one.name: (one.failing, one.sample) for one in run.findings if not one.passed}


def test_a_sound_batch_passes_every_test(judged: World) -> None:
    run = run_dbt(judged.job, "b1", judged.deps)
    assert tuple(one.name for one in run.findings) == PROMISES
    assert failed(run) == {}
    assert all(one.meaning.endswith(".") for one in run.findings)
    assert run.seconds > 0


@pytest.mark.parametrize("planting", sorted({one.planting for one in DEFECTS.values()}))
def test_every_planted_defect_is_found_by_the_test_that_is_meant_for_it(
    planting: int, judged: World
) -> None:
    together = {name: one for name, one in DEFECTS.items() if one.planting == planting}
    with planted(judged, together.values()):
        found = failed(run_dbt(judged.job, "b1", judged.deps))
    missed = {
        name: found.get(defect.dbt)
        for name, defect in together.items()
        if (defect.named or "(no id)") not in found.get(defect.dbt, (0, ()))[1]
    }
    assert missed == {}


@pytest.mark.parametrize(
    ("said", "never"),
    [
        ({"type": "string"}, True),
        ({"type": ["string", "null"]}, False),
        ({"type": "null"}, False),
        ({"enum": [None, 1]}, False),
        (None, False),
        (True, False),
    ],
)
def test_a_field_that_may_be_null_is_not_demanded(said: object, never: bool) -> None:
    assert _never_null(said) is never


def test_a_file_that_is_added_is_a_test(judged: World, tmp_path: Path) -> None:
    mine = shutil.copytree(PROJECT, tmp_path / "dbt")
    (mine / "tests/cash_is_urgent.sql").write_text(
        "-- Cash is always urgent.\nselect item_id from {{ ref('results') }} where urgent is null\n"
    )
    (mine / "tests/without_ids.sql").write_text("select count(*) as n from {{ ref('results') }}\n")
    (mine / "tests/odd_ids.sql").write_text(
        "select cast(topic as integer) as item_id from {{ ref('results') }}\n"
    )
    (mine / "tests/broken.sql").write_text("select item_id from nowhere_at_all\n")
    assert known_tests(mine)["cash_is_urgent"] == "Cash is always urgent."
    found = {one.name: one for one in run_dbt(judged.job, "b1", judged.deps, mine).findings}
    assert found["cash_is_urgent"].passed
    assert (found["without_ids"].failing, found["without_ids"].sample) == (1, ())
    assert not found["odd_ids"].passed
    assert not found["broken"].passed
    assert not [one for one in found.values() if "card" in one.found], "no cell is quoted"
    assert "nowhere_at_all" in found["broken"].trouble or found["broken"].trouble


def test_an_empty_batch_has_nothing_to_test(tmp_path: Path) -> None:
    with stub() as server, world(tmp_path, server.base_url) as here:
        here.write_messages([])
        with pytest.raises(OrderError):
            run_dbt(here.job, "b1", here.deps)
        here.run()
        assert run_dbt(here.job, "b1", here.deps).findings == ()
