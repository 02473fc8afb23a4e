"""The page for downstream teams: its contract is kept, and every block on it does what it says."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from batch_ai_assets.engine.tables import CONTRACT, Current
from batch_ai_assets.engine.validation.columns import FLAGS, LINEAGE
from batch_ai_assets.partitions import batch_partitions
from batch_ai_assets.published_views import ASSETS, connect_to_views

from ..engine.world import World
from .conftest import DOCUMENTS, JOB
from .pages import Block, blocks, text_of

PAGE = "docs/downstream.md"


def section(title: str, *languages: str) -> list[Block]:
    """The blocks below one heading of the page."""
    text = text_of(PAGE)
    start = text[: text.index(f"## {title}\n")].count("\n")
    stop = text.find("\n## ", text.index(f"## {title}\n"))
    last = text[:stop].count("\n") if stop > 0 else sys.maxsize
    return [one for one in blocks(PAGE, *languages) if start < one.line <= last]


def table(after: str) -> dict[str, str]:
    """The first two columns of the table behind these words."""
    text = text_of(PAGE).split(after, 1)[1]
    found = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert found
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", found[0], re.MULTILINE))


def run(block: Block) -> dict[str, Any]:
    """What the names of a block of Python stand for after it ran."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(block.text, str(block), "exec", dont_inherit=True), names)
    return names


def topics(here: World) -> dict[str, int]:
    return dict(Counter(str(row["topic"]) for row in here.results("monday")))


def pointer(here: World) -> Path:
    return here.home / "data" / JOB / "results" / "monday" / "_current.json"


def test_the_page_names_every_field_of_the_pointer_and_its_type(finished: World) -> None:
    [example] = (json.loads(block.text) for block in section("The pointer", "json"))
    written = json.loads(pointer(finished).read_text())
    said = table("| field | type | means |")
    words = {str: "text", int: "integer", list: "list of text"}

    assert list(said) == list(example) == list(written)
    assert set(said) == {field.name for field in dataclasses.fields(Current)}
    for field, value in written.items():
        assert said[field] == words[type(value)], field
        assert type(example[field]) is type(value), field
    assert example["contract"] == written["contract"] == CONTRACT
    assert f"promised under `contract` {CONTRACT}" in text_of(PAGE)


def test_the_folder_of_the_parts_lies_beside_the_pointer(finished: World) -> None:
    written = json.loads(pointer(finished).read_text())
    beside = pointer(finished).parent / written["path"].rsplit("/", 1)[-1]
    assert Path(written["path"]).is_absolute()
    assert [part for part in written["parts"] if (beside / part).is_file()] == written["parts"]


def test_the_page_describes_every_column_that_each_row_has() -> None:
    columns = {column.name: column.type for column in (*LINEAGE, FLAGS)}
    assert table("| column | type | means |") == columns
    for column in (*LINEAGE, FLAGS):
        assert f"| {column.description} |" in text_of(PAGE)


def test_the_page_names_every_view(finished: World) -> None:
    named = set(re.findall(r"`JOB__(\w+)`", text_of(PAGE)))
    assert named == {"current", *ASSETS}
    with connect_to_views(JOB, str(finished.home / "data")) as views:
        tables = views.sql("SHOW TABLES").fetchall()
    shown = {str(name).removeprefix(f"{JOB}__") for (name,) in tables}
    assert named <= shown


def test_duckdb_reads_it(finished: World, beside_home: Path) -> None:
    [block] = section("DuckDB", "sql")
    with duckdb.connect() as connection:
        rows = connection.execute(block.text).fetchall()
    assert dict(rows) == topics(finished)


def test_pandas_reads_it(finished: World, beside_home: Path) -> None:
    [block] = section("pandas", "python")
    frame = run(block)["frame"]
    assert frame["topic"].value_counts().to_dict() == topics(finished)
    assert frame["item_id"].nunique() == len(frame) == DOCUMENTS


def test_polars_reads_it(finished: World, beside_home: Path) -> None:
    [block] = section("polars", "python")
    assert dict(run(block)["letters"].iter_rows()) == topics(finished)


def test_pandas_reads_it_as_the_readme_says(finished: World, beside_home: Path) -> None:
    [block] = blocks("README.md", "python")
    assert len(run(block)["frame"]) == DOCUMENTS


ELSEWHERE = "A Dagster asset in another code location"


@pytest.fixture
def elsewhere(beside_home: Path) -> dg.Definitions:
    """The definitions of the other code location."""
    [block] = section(ELSEWHERE, "python")
    found = run(block)["defs"]
    assert isinstance(found, dg.Definitions)
    return found


def test_a_dagster_asset_in_another_code_location_reads_it(
    finished: World, elsewhere: dg.Definitions
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(JOB, ["monday"])
        done = elsewhere.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, partition_key="monday"
        )
    rows = done.output_for_node("letters_by_topic")
    [seen] = done.get_asset_materialization_events()
    metadata = seen.materialization.metadata
    assert dict(rows.itertuples(index=False)) == topics(finished)
    assert (metadata["version"].value, metadata["rows"].value) == (1, DOCUMENTS)


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")  # Dagster's own tester
def test_the_other_code_location_runs_after_every_release(
    finished: World, elsewhere: dg.Definitions
) -> None:
    key = dg.AssetKey([JOB, "results"])
    ours = dg.AssetSpec(key, partitions_def=batch_partitions(finished.job))
    both = dg.Definitions.merge(dg.Definitions(assets=[ours]), elsewhere)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(JOB, ["monday", "tuesday"])
        seen = dg.evaluate_automation_conditions(both, instance)
        assert seen.total_requested == 0
        for _ in ("a first version", "the next one"):
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="monday"))
            seen = dg.evaluate_automation_conditions(both, instance, cursor=seen.cursor)
            asked = seen.get_requested_partitions(dg.AssetKey("letters_by_topic"))
            assert asked == {"monday"}
            done = dg.AssetMaterialization("letters_by_topic", partition="monday")
            instance.report_runless_asset_event(done)
            seen = dg.evaluate_automation_conditions(both, instance, cursor=seen.cursor)
            assert seen.total_requested == 0


def test_the_workspace_holds_both_code_locations(beside_home: Path, tmp_path: Path) -> None:
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    [code] = section(ELSEWHERE, "python")
    [workspace] = section(ELSEWHERE, "yaml")
    for block in (code, workspace):
        (tmp_path / block.title).write_text(block.text)
    ours, theirs = location_origins_from_yaml_paths([str(tmp_path / workspace.title)])
    assert ours.loadable_target_origin.module_name == "batch_ai_assets.definitions"
    assert theirs.loadable_target_origin.python_file == str(tmp_path / code.title)


@pytest.mark.drill  # loading dbt takes seconds
def test_a_dbt_project_reads_it_as_a_source(
    finished: World, beside_home: Path, tmp_path: Path
) -> None:
    from dbt.cli.main import dbtRunner

    for block in section("A dbt source"):
        file = tmp_path / block.title
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text)
    output = {"type": "duckdb", "path": str(tmp_path / "letters.duckdb")}
    profile = {"letters": {"target": "here", "outputs": {"here": output}}}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile))
    done = dbtRunner().invoke(
        ["build", "--project-dir", str(tmp_path), "--profiles-dir", str(tmp_path)]
    )
    assert done.success, done.exception or [one.message for one in done.result]
    tests = [one.node.name for one in done.result if one.node.resource_type == "test"]
    assert len(tests) == 2
    with duckdb.connect(str(tmp_path / "letters.duckdb")) as connection:
        rows = connection.sql("SELECT topic, letters FROM letters_by_topic").fetchall()
    assert dict(rows) == topics(finished)
