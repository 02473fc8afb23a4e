from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from batch_ai_assets.engine.errors import StorageError
from batch_ai_assets.engine.tables import BatchTable, TableStore
from batch_ai_assets.io_managers import PartitionedParquetIOManager

PARTITIONS = dg.StaticPartitionsDefinition(["monday", "tuesday"])
COUNTED = pa.schema([pa.field("n", pa.int64(), metadata={"description": "A number."})])


def run(
    root: Path, *assets: dg.AssetsDefinition, batch: str = "monday"
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        list(assets), partition_key=batch, resources={"io_manager": manager(root)}
    )


def manager(root: Path) -> PartitionedParquetIOManager:
    return PartitionedParquetIOManager(root=str(root))


def rows(*numbers: int) -> pa.Table:
    return pa.table({"n": list(numbers)}, schema=COUNTED)


@dg.asset(key_prefix="mail", partitions_def=PARTITIONS)
def numbers() -> pa.Table:
    return rows(1, 2, 3)


@dg.asset(key_prefix="mail", partitions_def=PARTITIONS)
def doubled(numbers: BatchTable) -> pa.Table:
    return rows(*(2 * n for n in numbers.to_arrow()["n"].to_pylist()))


def test_a_table_lies_under_job_asset_batch_and_run(tmp_path: Path) -> None:
    result = run(tmp_path, numbers)

    part = tmp_path / "mail" / "numbers" / "monday" / result.run_id / "part-00000.parquet"
    assert part.is_file()


def test_downstream_gets_where_the_rows_are_and_scans_them(tmp_path: Path) -> None:
    run(tmp_path, numbers, doubled)

    table = TableStore(str(tmp_path)).latest("mail", "doubled", "monday")
    assert table is not None
    assert [row["n"] for part in table.scan() for row in part.to_pylist()] == [2, 4, 6]


def test_materializing_twice_leaves_both_versions_and_reads_the_newer(tmp_path: Path) -> None:
    first, second = run(tmp_path, numbers), run(tmp_path, numbers)

    batch = tmp_path / "mail" / "numbers" / "monday"
    assert {first.run_id, second.run_id} <= {entry.name for entry in batch.iterdir()}
    latest = TableStore(str(tmp_path)).latest("mail", "numbers", "monday")
    assert latest is not None
    assert latest.path.endswith(second.run_id)


def test_one_batch_does_not_touch_another(tmp_path: Path) -> None:
    run(tmp_path, numbers, batch="monday")
    monday = TableStore(str(tmp_path)).latest("mail", "numbers", "monday")
    run(tmp_path, numbers, batch="tuesday")

    assert TableStore(str(tmp_path)).latest("mail", "numbers", "monday") == monday


def test_a_table_that_the_engine_wrote_is_adopted_and_not_copied(tmp_path: Path) -> None:
    store = TableStore(str(tmp_path))
    written = store.write("mail", "adopted", "monday", "engine", COUNTED, rows(7).to_batches())
    assert store.latest("mail", "adopted", "monday") is None

    @dg.asset(key_prefix="mail", partitions_def=PARTITIONS)
    def adopted() -> BatchTable:
        return written

    run(tmp_path, adopted)

    assert store.latest("mail", "adopted", "monday") == written
    folders = [e for e in (tmp_path / "mail" / "adopted" / "monday").iterdir() if e.is_dir()]
    assert [folder.name for folder in folders] == ["engine"]


def test_a_data_frame_is_written_as_a_table(tmp_path: Path) -> None:
    @dg.asset(key_prefix="mail", partitions_def=PARTITIONS)
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"n": [4, 5]})

    run(tmp_path, frame)

    table = TableStore(str(tmp_path)).latest("mail", "frame", "monday")
    assert table is not None
    assert list(table.to_pandas()["n"]) == [4, 5]


def test_what_is_no_table_is_refused_by_name(tmp_path: Path) -> None:
    @dg.asset(key_prefix="mail", partitions_def=PARTITIONS)
    def sentence() -> str:
        return "not a table"

    with pytest.raises(StorageError, match="mail/sentence returned str"):
        run(tmp_path, sentence)


def test_the_catalogue_gets_rows_columns_and_place(tmp_path: Path) -> None:
    result = run(tmp_path, numbers)

    metadata = result.asset_materializations_for_node("mail__numbers")[0].metadata
    assert metadata["dagster/row_count"].value == 3
    assert str(metadata["location"].value).endswith(result.run_id)
    (column,) = metadata["dagster/column_schema"].value.columns
    assert (column.name, column.type, column.description) == ("n", "int64", "A number.")


def test_reading_a_batch_that_was_never_written_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Materialize mail/numbers for this batch first"):
        dg.materialize(
            [numbers, doubled],
            selection=["mail/doubled"],
            partition_key="monday",
            resources={"io_manager": manager(tmp_path)},
        )


def test_an_asset_that_takes_every_batch_gets_them_by_key(tmp_path: Path) -> None:
    run(tmp_path, numbers, batch="monday")
    run(tmp_path, numbers, batch="tuesday")
    seen: dict[str, int] = {}

    @dg.asset(key_prefix="mail")
    def total(numbers: dict[str, BatchTable]) -> pa.Table:
        seen.update({batch: table.rows for batch, table in numbers.items()})
        return rows(sum(seen.values()))

    dg.materialize(
        [numbers, total], selection=["mail/total"], resources={"io_manager": manager(tmp_path)}
    )

    assert seen == {"monday": 3, "tuesday": 3}
    assert TableStore(str(tmp_path)).latest("mail", "total", "all") is not None


@pytest.fixture
def _memory() -> Iterator[None]:
    """Empty the in-memory file system that stands for an object store."""
    import fsspec

    fsspec.filesystem("memory").store.clear()
    yield
    fsspec.filesystem("memory").store.clear()


@pytest.mark.usefixtures("_memory")
def test_an_object_store_holds_the_same_layout() -> None:
    resources = {"io_manager": PartitionedParquetIOManager(root="memory://bucket/data")}

    result = dg.materialize([numbers, doubled], partition_key="monday", resources=resources)

    table = TableStore("memory://bucket/data").latest("mail", "doubled", "monday")
    assert table is not None
    assert table.path.endswith(f"bucket/data/mail/doubled/monday/{result.run_id}")
    assert table.to_arrow()["n"].to_pylist() == [2, 4, 6]
