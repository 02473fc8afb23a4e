from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake.admission import Item
from batch_ai_assets.engine.intake.table_rows import asset_items, released_items, version_read
from batch_ai_assets.engine.spec.input import InputSpec
from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.engine.tables import BatchTable, Current, TableStore

from ..world import make_job

ROWS = [
    {"id": "a", "text": "one", "desk": "cards"},
    {"id": "b", "text": "two", "desk": None},
    {"id": "c", "text": None, "desk": "cash"},
]
SPEC = InputSpec(asset="lake/mails", attributes=("desk",))


class OnlyStream:
    """A data frame of another library: all that is known of it is the Arrow stream it offers."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.Table.from_pylist(ROWS).__arrow_c_stream__(requested_schema)


def batch_table(folder: Path) -> BatchTable:
    table = pa.Table.from_pylist(ROWS)
    store = TableStore(folder)
    return store.write("lake", "mails", "b1", "run-1", table.schema, table.to_batches())


VALUES: dict[str, Callable[[Path], object]] = {
    "our own table": batch_table,
    "Arrow table": lambda _: pa.Table.from_pylist(ROWS),
    "Arrow batch": lambda _: pa.RecordBatch.from_pylist(ROWS),
    "Arrow reader": lambda _: pa.Table.from_pylist(ROWS).to_reader(),
    "pandas frame": lambda _: pd.DataFrame(ROWS),
    "pandas frame with an index of its own": lambda _: pd.DataFrame(ROWS, index=["x", "y", "z"]),
    "frame of another library": lambda _: OnlyStream(),
    "list of mappings": lambda _: ROWS,
    "generator of mappings": lambda _: (row for row in ROWS),
}


@pytest.mark.parametrize("kind", VALUES)
def test_whatever_table_an_asset_gives_each_of_its_rows_is_an_item(
    kind: str, tmp_path: Path
) -> None:
    one, two, three = asset_items(SPEC, VALUES[kind](tmp_path))

    assert (one.name, one.text, one.attributes) == ("a", "one", {"desk": "cards"})
    assert (two.name, two.text, two.attributes) == ("b", "two", {})
    assert one.source == "lake/mails#row=1"
    assert three.problem is not None
    assert "row 3 of asset lake/mails has no 'text'" in three.problem.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing (None;"),
        ("id,text", "a str"),
        (7, "an int"),
        ({"2026-11-21": "table"}, "a dict"),
        ([("a", "one")], "row 1 of asset lake/mails is a tuple"),
    ],
)
def test_a_value_that_has_no_rows_is_refused_by_the_name_of_its_type(
    value: object, words: str
) -> None:
    with pytest.raises(IntakeError, match="lake/mails") as caught:
        list(asset_items(SPEC, value))

    assert words in str(caught.value)


@pytest.mark.parametrize("kind", [k for k in VALUES if "mappings" not in k])
def test_a_column_that_is_not_there_is_named_with_those_that_are(
    kind: str, tmp_path: Path
) -> None:
    spec = SPEC.model_copy(update={"text": "txt"})

    with pytest.raises(IntakeError) as caught:
        list(asset_items(spec, VALUES[kind](tmp_path)))

    assert "'txt', which input.text names" in str(caught.value)
    assert "did you mean 'text'?" in str(caught.value)


def test_one_odd_cell_is_the_problem_of_its_row_alone() -> None:
    frame = pd.DataFrame({"id": ["a", "b", "c"], "text": ["fine", 7, {"nested": "secret"}]})

    fine, number, nested = asset_items(InputSpec(asset="lake/mails"), frame)

    assert fine.problem is None
    assert number.problem is not None
    assert number.problem.reason == "missing_text"
    assert nested.problem is not None
    assert "secret" not in nested.problem.message


def test_a_large_table_comes_row_by_row() -> None:
    seen = 0

    def endless() -> Any:
        nonlocal seen
        while True:
            seen += 1
            yield {"id": seen, "text": f"row {seen}"}

    items = asset_items(InputSpec(asset="lake/mails"), endless())

    assert [next(items).name for _ in range(3)] == ["1", "2", "3"]
    assert seen == 3


def chained(folder: Path, **source: Any) -> ResolvedJob:
    job = make_job(
        folder, {"job": "routes", "input": {"path": None, "format": "text", **source}}
    )
    return job.model_copy(update={"upstream": "topics"})


def publish(tables: TableStore, rows: list[dict[str, Any]], version: int = 1) -> None:
    """Results of the batch b1 of the job topics, as far as the next job looks at them."""
    whole = [
        {
            "item_id": row["item_id"],
            "output_id": f"topics/b1/{row['item_id']}/{version}",
            "data_classification": row.get("class", "public"),
            "topic": row.get("topic", "card"),
            "confidence": row.get("confidence"),
            "created_at": datetime(2026, 11, 22, tzinfo=UTC),
        }
        for row in rows
    ]
    schema = pa.schema(
        {
            **dict.fromkeys(("item_id", "output_id", "data_classification", "topic"), pa.string()),
            "confidence": pa.float64(),
            "created_at": pa.timestamp("us", tz="UTC"),
        }
    )
    table = pa.Table.from_pylist(whole, schema)
    written = tables.write("topics", "results", "b1", f"r{version}", schema, table.to_batches())
    tables.point_current(
        Current(
            "topics", "b1", version, written.path, written.parts, written.rows, "now", "me", "1"
        )
    )


def test_the_released_rows_of_a_job_are_named_as_they_were_there(tmp_path: Path) -> None:
    tables = TableStore(tmp_path)
    row = {"item_id": "mail/1", "topic": "cash", "confidence": 0.5, "class": "internal"}
    publish(tables, [row])
    job = chained(
        tmp_path, asset="topics", text="topic", attributes=["confidence", "output_id"],
        updated_at="created_at",
    )  # fmt: skip

    (item,) = released_items(job, "b1", tables)

    assert (item.name, item.text) == ("mail/1", "cash")
    assert item.source == "topics/b1/mail/1/1"
    assert item.attributes == {"confidence": "0.5", "output_id": "topics/b1/mail/1/1"}
    assert item.data_class == "internal"
    assert item.changed == 1_795_305_600.0


def test_only_the_released_version_is_read(tmp_path: Path) -> None:
    tables = TableStore(tmp_path)
    publish(tables, [{"item_id": "m1"}, {"item_id": "m2"}])
    publish(tables, [{"item_id": "m1", "topic": "cash"}], version=2)

    items = list(released_items(chained(tmp_path, asset="topics", text="topic"), "b1", tables))

    assert [(item.source, item.text) for item in items] == [("topics/b1/m1/2", "cash")]


def test_what_is_not_released_is_refused_with_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as caught:
        released_items(chained(tmp_path, asset="topics", text="topic"), "b1", TableStore(tmp_path))

    assert "batch-ai run topics --batch b1" in str(caught.value)


def test_a_field_that_the_results_do_not_have_is_named(tmp_path: Path) -> None:
    tables = TableStore(tmp_path)
    publish(tables, [])

    with pytest.raises(IntakeError, match="table of results of topics/b1 has no column 'summary'"):
        released_items(chained(tmp_path, asset="topics", text="summary"), "b1", tables)


def test_the_fields_of_the_answer_are_named_before_the_columns_of_the_platform(
    tmp_path: Path,
) -> None:
    tables = TableStore(tmp_path)
    publish(tables, [])

    with pytest.raises(IntakeError, match=r"\(there are topic, item_id, output_id, "):
        released_items(chained(tmp_path, asset="topics", text="summary"), "b1", tables)


def manifest(tables: TableStore, items: list[Item]) -> BatchTable:
    rows = pa.Table.from_pylist(
        [{"source": item.source} for item in items], pa.schema({"source": pa.string()})
    )
    return tables.write("routes", "raw_inputs", "b1", "r", rows.schema, rows.to_batches())


def test_a_manifest_knows_the_version_it_was_read_from(tmp_path: Path) -> None:
    tables = TableStore(tmp_path)
    publish(tables, [{"item_id": "a/7"}], version=12)
    job = chained(tmp_path, asset="topics", text="topic")

    assert version_read(manifest(tables, list(released_items(job, "b1", tables)))) == 12
    assert version_read(manifest(tables, [])) == 0
