"""Records: the same rules for a row, whatever table it comes from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.errors import IntakeError
from batch_ai_assets.engine.intake.admission import Item
from batch_ai_assets.engine.intake.records import needed_columns, record_item, require_columns
from batch_ai_assets.engine.spec.input import InputSpec


def item_of(record: dict[str, Any], raw: bytes | None = None, **given: Any) -> Item:
    """The item of one record, row 7 of the table `orders`."""
    spec = InputSpec.model_validate({"path": "x", "format": "csv", **given})
    return record_item(spec, record, "orders", "#row=7", raw, "row 7 of 'orders'")


def raw_of(item: Item) -> bytes:
    return item.raw() if callable(item.raw) else item.raw


def reason(item: Item) -> str | None:
    return item.problem.reason if item.problem else None


def test_an_item_has_its_place_its_kind_and_its_record() -> None:
    item = item_of({"id": 7, "text": "Hello"})
    assert (item.name, item.source, item.mark) == ("7", "orders#row=7", "#row=7")
    assert (item.kind, item.text, item.problem) == ("row", "Hello", None)
    assert orjson.loads(raw_of(item)) == {"id": 7, "text": "Hello"}
    assert item_of({"id": 7, "text": "Hello"}, raw=b"7,Hello").raw == b"7,Hello"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Decimal("7.10"), "7.10"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 1, tzinfo=UTC), "2026-11-22T01:00:00+00:00"),
        (2**70, str(2**70)),
    ],
)
def test_ids_of_databases_become_strings(value: object, name: str) -> None:
    assert item_of({"id": value, "text": "x"}).name == name


@pytest.mark.parametrize(
    "value", [None, float("nan"), Decimal("NaN"), b"a", "\ud800", [], " ", "x" * 1025, 1e17]
)
def test_without_a_usable_id_the_place_is_the_name(value: object) -> None:
    item = item_of({"id": value, "text": "x"})
    assert (item.name, reason(item)) == ("orders#row=7", "missing_id")
    assert item.problem is not None
    assert item.problem.message.startswith("row 7 of 'orders' has ")


def test_without_an_id_column_the_place_is_the_name() -> None:
    item = item_of({"text": "x"}, id=None)
    assert (item.name, reason(item)) == ("orders#row=7", None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"caf\xc3\xa9", None),
        (b"caf\xe9", "undecodable"),
        ("\ud800", "undecodable"),
        (None, "missing_text"),
        (float("nan"), "missing_text"),
        (7, "missing_text"),
        (Decimal(7), "missing_text"),
        (date(2026, 1, 1), "missing_text"),
        ({"a": 1}, "missing_text"),
    ],
)
def test_a_text_is_a_string_or_its_utf8(value: object, expected: str | None) -> None:
    item = item_of({"id": 7, "text": value})
    assert (item.name, reason(item)) == ("7", expected)
    assert item.text == ("café" if expected is None else "")


def test_attributes_are_strings_whatever_they_were() -> None:
    record = {
        "id": 7,
        "text": "x",
        "date": date(2026, 11, 22),
        "at": datetime(2026, 11, 22, 1),
        "sum": Decimal("7.10"),
        "big": 2**70,
        "flag": True,
        "none": None,
        "nan": float("nan"),
        "bytes": b"b\0",
        "nested": {"at": datetime(2026, 11, 22), "sum": Decimal("1.0"), 3: [b"b", None]},
    }
    item = item_of(record, attributes=[name for name in record if name not in ("id", "text")])
    assert item.attributes == {
        "date": "2026-11-22",
        "at": "2026-11-22T01:00:00",
        "sum": "7.10",
        "big": str(2**70),
        "flag": "true",
        "bytes": "b",
        "nested": '{"at":"2026-11-22T00:00:00","sum":"1.0","3":["b",null]}',
    }


@pytest.mark.parametrize("value", [b"\xff", "\ud800", [b"\xff"], {"a": "\ud800"}])
def test_an_attribute_that_is_no_text_is_a_problem(value: object) -> None:
    item = item_of({"id": 7, "text": "x", "k": value}, attributes=["k"])
    assert (reason(item), item.attributes) == ("undecodable", {})
    assert raw_of(item)


def test_an_instant_is_kept_and_a_broken_one_is_a_problem() -> None:
    given: dict[str, Any] = {"updated_at": "at"}
    assert item_of({"id": 7, "text": "x", "at": "2026-11-22"}, **given).changed == 1795305600.0
    assert item_of({"id": 7, "text": "x"}, **given).changed is None
    item = item_of({"id": 7, "text": "x", "at": "wordy"}, **given)
    assert (reason(item), item.changed) == ("unreadable", None)
    assert item.problem is not None
    assert "has in 'at', which input.updated_at names, no instant" in item.problem.message
    assert "wordy" not in item.problem.message


def test_columns_that_are_needed_are_those_the_job_names() -> None:
    spec = InputSpec.model_validate(
        {"path": "x", "id": "a", "attributes": ["b", "a"], "classification": "c", "updated_at": "b"}
    )
    assert needed_columns(spec) == {
        "a": "input.id",
        "text": "input.text",
        "b": "input.attributes",
        "c": "input.classification",
    }


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    spec = InputSpec.model_validate({"path": "x"})
    require_columns(spec, ["text", "other", "id"], "orders")
    many = ["id", *(f"column {number}" for number in range(30))]
    with pytest.raises(IntakeError, match=r"orders has no column 'text'.* and 11 more\)"):
        require_columns(spec, many, "orders")
    with pytest.raises(IntakeError, match=r"there are no, Text; did you mean 'Text'\?"):
        require_columns(InputSpec.model_validate({"path": "x", "id": None}), ["no", "Text"], "t")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {}, optional={"id": values, "text": values, "k": values, "c": values, "at": values}
    )
)
def test_any_record_makes_an_item_that_can_be_stored(record: dict[str, Any]) -> None:
    item = item_of(record, attributes=["k"], classification="c", updated_at="at")
    assert item.name
    assert bool(item.problem) or isinstance(record["text"], str | bytes)
    (item.name + item.text + item.source).encode()
    orjson.dumps(item.attributes)
    assert raw_of(item)
    assert item.changed is None or datetime.fromtimestamp(item.changed, UTC)
