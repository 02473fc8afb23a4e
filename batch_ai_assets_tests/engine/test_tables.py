"""Published tables: never overwritten, read back whole, in parts, or row by row."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_ai_assets.engine import tables
from batch_ai_assets.engine.errors import StorageError
from batch_ai_assets.engine.tables import CONTRACT, BatchTable, Current, RowReader, TableStore

SCHEMA = pa.schema([("seq", pa.int64()), ("name", pa.string())])


def chunks(rows: int, size: int) -> list[pa.RecordBatch]:
    return [
        pa.record_batch(
            [list(range(start, min(start + size, rows))),
             [f"n{n}" for n in range(start, min(start + size, rows))]],
            schema=SCHEMA,
        )
        for start in range(0, rows, size)
    ]  # fmt: skip


def written(root: Path, rows: int, size: int = 100, per_part: int = 250_000) -> BatchTable:
    store = TableStore(root, per_part)
    return store.write("job", "asset", "b1", "run", SCHEMA, chunks(rows, size))


@settings(max_examples=30)
@given(
    rows=st.integers(0, 400), size=st.integers(1, 130), per_part=st.integers(1, 200),
    data=st.data(),
)  # fmt: skip
def test_rows_come_back_in_order_however_they_lie_in_parts_and_groups(
    rows: int, size: int, per_part: int, data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    table = written(tmp_path_factory.mktemp("t"), rows, size, per_part)
    assert table.rows == rows
    assert table.to_arrow()["seq"].to_pylist() == list(range(rows))
    assert table.counted().rows == rows
    assert len(table.parts) >= 1
    reader = RowReader(table, ["name"])
    for _ in range(3):  # forward, backward and over part borders
        wanted = sorted(data.draw(st.sets(st.integers(0, rows - 1)))) if rows else []
        assert reader.take(wanted)["name"].to_pylist() == [f"n{n}" for n in wanted]


def test_row_groups_are_crossed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_ROW_GROUP", 7)
    table = written(tmp_path, 100, 30, 40)
    reader = RowReader(table, None)
    for step in (1, 6, 7, 8, 39, 40, 41):
        wanted = list(range(0, 100, step))
        assert reader.take(wanted)["seq"].to_pylist() == wanted


def test_a_table_without_rows_has_its_schema(tmp_path: Path) -> None:
    table = written(tmp_path, 0)
    assert table.schema.equals(SCHEMA)
    assert table.to_pandas().empty
    assert RowReader(table, None).take([]).num_rows == 0


def test_a_run_that_writes_twice_overwrites_nothing(tmp_path: Path) -> None:
    first, second, third = (written(tmp_path, rows) for rows in (3, 5, 7))
    assert [Path(table.path).name for table in (first, second, third)] == ["run", "run-2", "run-3"]
    assert [table.to_arrow().num_rows for table in (first, second, third)] == [3, 5, 7]


def test_latest_is_what_was_pointed_to_last(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    assert store.latest("job", "asset", "b1") is None
    first, second = written(tmp_path, 1), written(tmp_path, 2)
    for table in (first, second, first):
        store.point_latest(table)
        assert store.latest("job", "asset", "b1") == table


def test_the_remains_of_a_crash_are_no_table(tmp_path: Path) -> None:
    def crash() -> object:
        yield chunks(10, 10)[0]
        raise KeyboardInterrupt

    store = TableStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.write("job", "asset", "b1", "run", SCHEMA, crash())  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="holds no finished table"):
        store.open(str(tmp_path / "job/asset/b1/run"))
    assert Path(written(tmp_path, 1).path).name == "run-2"


CURRENT = Current(
    job="job", batch="b1", version=3, path="/x", parts=("part-00000.parquet",), rows=2,
    released_at="2026-01-01T00:00:00+00:00", released_by="automatic", schema_version="1",
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    """One in which results lie already: there is nothing else to point to."""
    store = TableStore(tmp_path)
    store.write("job", "results", "b1", "run", SCHEMA, [])
    return store


def test_the_released_version_is_a_contract_in_json(store: TableStore, tmp_path: Path) -> None:
    assert store.current("job", "b1") is None
    store.point_current(CURRENT)
    assert store.current("job", "b1") == CURRENT
    said = json.loads((tmp_path / "job/results/b1/_current.json").read_text())
    assert (said["contract"], said["version"], said["path"]) == (1, 3, "/x")


def rewritten(file: Path, **changes: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_field_that_a_later_version_added_changes_nothing(
    store: TableStore, tmp_path: Path
) -> None:
    store.point_current(CURRENT)
    rewritten(tmp_path / "job/results/b1/_current.json", approved_by=["somebody"])
    assert store.current("job", "b1") == CURRENT


def test_a_pointer_of_a_contract_that_is_not_known_is_not_read(
    store: TableStore, tmp_path: Path
) -> None:
    store.point_current(CURRENT)
    rewritten(tmp_path / "job/results/b1/_current.json", contract=CONTRACT + 1)
    with pytest.raises(StorageError, match="a newer version of the platform wrote it"):
        store.current("job", "b1")


@pytest.mark.parametrize("content", ["", "{", "not json"])
def test_a_damaged_pointer_is_named(content: str, store: TableStore, tmp_path: Path) -> None:
    store.point_current(CURRENT)
    (tmp_path / "job/results/b1/_current.json").write_text(content)
    with pytest.raises(StorageError, match=r"_current\.json"):
        store.current("job", "b1")


def test_pointers_leave_no_crumbs(store: TableStore, tmp_path: Path) -> None:
    for _ in range(3):
        store.point_current(CURRENT)
    names = {path.name for path in (tmp_path / "job/results/b1").iterdir()}
    assert names == {"_current.json", "run"}


def test_scanning_takes_the_columns_and_the_chunk_size_it_is_asked_for(tmp_path: Path) -> None:
    table = written(tmp_path, 250, 250)
    seen = list(table.scan(["name"], batch_rows=100))
    assert [rows.num_rows for rows in seen] == [100, 100, 50]
    assert seen[0].schema.names == ["name"]


DAMAGES = ["", "{", "{}", "[]", "null", '"text"', '{"path": 7, "parts": 7}', "\x00\x01"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_pointer_is_said_to_be_one(damage: str, tmp_path: Path) -> None:
    table = written(tmp_path, 3)
    store = TableStore(tmp_path)
    store.point_latest(table)
    (tmp_path / "job" / "results" / "b1").mkdir(parents=True)
    store.point_current(Current("job", "b1", 1, table.path, table.parts, 3, "now", "me", "1"))
    for pointer in tmp_path.rglob("_*.json"):
        if pointer.name != "_table.json":
            pointer.write_text(damage)

    with pytest.raises(StorageError, match=r"Cannot read the pointer|holds no finished table"):
        store.latest("job", "asset", "b1")
    with pytest.raises(StorageError, match="Run the batch again: a run writes its pointers anew"):
        store.current("job", "b1")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_table_whose_seal_is_damaged_cannot_be_read(damage: str, tmp_path: Path) -> None:
    table = written(tmp_path, 3)
    (Path(table.path) / "_table.json").write_text(damage)

    with pytest.raises(StorageError, match=r"_table\.json .* --reprocess"):
        TableStore(tmp_path).open(table.path)


def test_lost_inputs_are_not_said_to_come_back_with_reprocess(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    table = store.write("job", "raw_inputs", "b1", "run", SCHEMA, chunks(3, 3))
    Path(table.files[0]).unlink()
    with pytest.raises(StorageError, match="as a new batch") as lost:
        list(table.scan())
    assert "--reprocess" not in str(lost.value)

    (Path(table.path) / "_table.json").unlink()
    with pytest.raises(StorageError, match="as a new batch") as lost:
        store.open(table.path)
    assert "--reprocess" not in str(lost.value)
