"""dbt over one batch: a defect that is planted in its Parquet is found by the test meant for it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_ai_assets.dbt_files import PROJECT, known_tests
from batch_ai_assets.dbt_tests import DbtError, DbtFinding, DbtRun, run_dbt
from batch_ai_assets.dbt_variables import never_null
from batch_ai_assets.engine.errors import OrderError

from .defects import DEFECTS, VALID, judged_world, planted
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
    assert never_null(said) is never


ROWS = "select item_id from {{ ref('results') }}"
ADDED = {
    "cash_is_urgent.sql": f"-- Cash is always urgent.\n{ROWS} where urgent is null\n",
    "without_ids.sql": "select count(*) as n from {{ ref('results') }} -- one row",
    "a-dash.sql": f"-- No row.\n{ROWS} where false\n",
    "sub/folder.sql": f"-- All rows.\n{ROWS} -- all of them",
    "warned.sql": f"{{{{ config(severity='warn') }}}}\n\n-- It warns.\n{ROWS}\n",
    "off.sql": f"{{{{ config(enabled=false) }}}}\n{ROWS}\n",
    "not_begun.sql": "-- Not begun.\n",
    "nowhere.sql": "select item_id from nowhere_at_all\n",
    "odd_ids.sql": "select cast(topic as integer) as item_id from {{ ref('results') }}\n",
    "quoting.sql": f"{ROWS} where cast(topic as integer) = 1\n",
    "unread.sql": "select item_id from {{ ref('results' }}\n",
    "latin.sql": "-- F\xfcr alle.\n",
}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with files that somebody has added, good ones and bad ones."""
    project = shutil.copytree(PROJECT, tmp_path_factory.mktemp("mine") / "dbt")
    for name, text in ADDED.items():
        file = project / "tests" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode("latin-1" if name == "latin.sql" else "utf-8"))
    (project / "models/schema.yml").write_text(
        "version: 2\nmodels: [{name: answers, columns: [{name: seq, data_tests: [not_null]}]}]\n"
    )
    return project


@pytest.fixture(scope="module")
def of_mine(judged: World, mine: Path) -> dict[str, DbtFinding]:
    run = run_dbt(judged.job, "b1", judged.deps, mine)
    return {one.name: one for one in run.findings}


def test_a_file_that_is_added_is_a_test(of_mine: dict[str, DbtFinding], mine: Path) -> None:
    assert of_mine["cash_is_urgent"].passed
    assert of_mine["cash_is_urgent"].meaning == "Cash is always urgent."
    assert (of_mine["without_ids"].failing, of_mine["without_ids"].sample) == (1, ())
    assert of_mine["a_dash"].passed, "under a name that a check may have"
    assert of_mine["folder"].sample == ("m0", "m1", "m2", "m3", "m4")
    assert of_mine["not_null_answers_seq"].passed, "of a schema file: shown, though no file of ours"
    assert {file.stem.replace("-", "_") for file in mine.glob("tests/**/*.sql")} == set(
        known_tests(mine)
    )
    assert all(re.fullmatch("[A-Za-z0-9_]+", name) for name in known_tests(mine))


def test_a_file_says_how_its_rows_count(of_mine: dict[str, DbtFinding]) -> None:
    warned, off = of_mine["warned"], of_mine["off"]
    assert (warned.warned, warned.failing, warned.meaning) == (True, VALID, "It warns.")
    assert off.passed
    assert "switches it off" in off.found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("not_begun", "The file holds no query."),
        ("nowhere", "Table with name nowhere_at_all does not exist"),
        ("quoting", "Conversion Error (ask with batch-ai sql"),
        ("unread", "expected ')'"),
        ("latin", "The file 'latin.sql' is not UTF-8 text"),
    ],
)
def test_a_broken_file_says_why_and_the_others_are_run(
    name: str, said: str, of_mine: dict[str, DbtFinding]
) -> None:
    assert not of_mine[name].passed
    assert said in of_mine[name].found


def test_a_project_that_is_not_there_is_said_to_be_so(judged: World, tmp_path: Path) -> None:
    assert known_tests(tmp_path / "none") == {}
    with pytest.raises(DbtError, match="There is no dbt project at"):
        run_dbt(judged.job, "b1", judged.deps, tmp_path / "none")


def test_an_empty_batch_has_nothing_to_test(tmp_path: Path) -> None:
    with stub() as server, world(tmp_path, server.base_url) as here:
        here.write_messages([])
        with pytest.raises(OrderError):
            run_dbt(here.job, "b1", here.deps)
        here.run()
        assert run_dbt(here.job, "b1", here.deps).findings == ()
