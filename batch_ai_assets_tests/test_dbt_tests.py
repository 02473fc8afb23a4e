"""dbt over one batch: a defect that is planted in its Parquet is found by the test meant for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_ai_assets.dbt_tests import PROJECT, DbtRun, _never_null, known_tests, run_dbt
from batch_ai_assets.engine.errors import OrderError
from batch_ai_assets.engine.tables import BatchTable

from .engine.world import World, message, stub, world

SPEC: dict[str, Any] = {
    "output": {
        "schema": {
            "properties": {"score": {"type": "number", "minimum": 0, "maximum": 100}},
            "required": ["topic", "urgent", "score"],
        },
    },
    "model": {"parameters": {"max_tokens": 64}},
    "rules": [
        {"name": "score_is_known", "sql": "score IS NOT NULL"},
        {"name": "calm_cards", "sql": "topic <> 'card' OR NOT urgent", "severity": "warn"},
        {"name": "no_moon", "sql": "topic <> 'moon'"},
    ],
}
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
    """A finished batch with results and dead letters."""
    with stub() as server, world(tmp_path_factory.mktemp("dbt"), server.base_url, SPEC) as here:
        here.write_messages([*(message(n) for n in range(8)), message(99, "[[stub:refusal]]")])
        here.run()
        assert here.counts().valid == 8
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


Edit = Callable[[pa.Table], pa.Table]


def cell(column: str, row: int, value: Any) -> Edit:
    def edit(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value
        place = table.schema.get_field_index(column)
        field = table.schema.field(place)
        return table.set_column(place, field, pa.array(values, field.type))

    return edit


def swapped(column: str) -> Edit:
    def edit(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        return cell(column, 1, values[0])(cell(column, 0, values[1])(table))

    return edit


def doubled(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


def shortened(table: pa.Table) -> pa.Table:
    return table.slice(1)


UNIQUE, STEM = "results_have_one_row_per_document", "results_stem_from_a_document"
DEFECTS: dict[str, tuple[str, Edit, str]] = {
    "a doubled row": ("results", doubled, UNIQUE),
    "a lost row": ("results", shortened, "results_are_the_valid_documents"),
    "a row without a document": ("results", cell("item_id", 0, "ghost"), STEM),
    "two ids swapped": ("results", swapped("item_id"), STEM),
    "a row without an id": ("results", cell("item_id", 0, None), UNIQUE),
    "an unknown label": ("results", cell("topic", 0, "moon"), "results_keep_to_the_taxonomy"),
    "a broken rule": ("results", cell("topic", 0, "moon"), "results_meet_the_rules"),
    "a score of 101": ("results", cell("score", 0, 101.0), "results_keep_to_their_ranges"),
    "a missing field": ("results", cell("urgent", 0, None), "results_have_their_fields"),
    "a missing model": ("results", cell("model", 0, None), "results_have_their_lineage"),
    "another batch's row": ("results", cell("batch", 0, "b9"), "results_are_named_for_ever"),
    "an edited answer": ("results", cell("score", 0, 1.5), "results_hold_what_was_answered"),
    "a lost verdict": ("validation_report", shortened, "documents_have_one_verdict"),
    "a lost dead letter": ("dead_letter_queue", shortened, "dead_letters_are_the_dead_documents"),
    "a review from nowhere": (
        "validation_report", cell("end", 0, "review"), "reviews_are_the_documents_in_review"
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found_by_the_test_that_is_meant_for_it(
    defect: str, judged: World
) -> None:
    asset, edit, name = DEFECTS[defect]
    file = Path(table_of(judged, asset).files[0])
    sound = file.read_bytes()
    try:
        pq.write_table(edit(pq.read_table(file)), file)
        found = failed(run_dbt(judged.job, "b1", judged.deps))
    finally:
        file.write_bytes(sound)
    assert name in found
    assert found[name][0] >= 1
    assert found[name][1], "it names the first documents"


def table_of(here: World, asset: str) -> BatchTable:
    if asset == "results":
        plan = here.deps.store.batches.latest_plan("topics", "b1")
        assert plan is not None
        return here.deps.tables.open(str(plan.results_path))
    table = here.deps.tables.latest("topics", asset, "b1")
    assert table is not None
    return table


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
