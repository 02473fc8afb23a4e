"""The completion record is a contract: it survives JSON, and nothing slips into it unnoticed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batch_ai_assets.engine.figures import Conservation
from batch_ai_assets.engine.reporting.completion import CompletionRecord, ConservationRecord

from .samples import make_empty, make_halted, make_record


@pytest.mark.parametrize("make", [make_record, make_halted, make_empty])
def test_a_record_survives_json(make: object) -> None:
    record = make()  # type: ignore[operator]
    assert CompletionRecord.from_json(record.to_json()) == record
    assert record.to_json().endswith(b"}\n")


def test_the_json_names_its_own_version_and_holds_the_equation() -> None:
    plain = json.loads(make_record().to_json())
    assert plain["record_schema"] == 1
    assert plain["conservation"]["holds"] is True
    assert plain["conservation"]["line"].startswith("10,003 items = ")
    assert plain["checks"][0]["name"] == "completeness"


def test_a_record_of_another_contract_is_refused() -> None:
    plain = json.loads(make_record().to_json())
    with pytest.raises(ValidationError):
        CompletionRecord.model_validate({**plain, "record_schema": 2})
    with pytest.raises(ValidationError):
        CompletionRecord.model_validate({**plain, "surprise": 1})


@given(st.lists(st.integers(0, 10**7), min_size=8, max_size=8))
def test_the_conservation_of_a_record_is_that_of_the_batch(counts: list[int]) -> None:
    conservation = Conservation(*counts)
    record = ConservationRecord.of(conservation)
    assert record.holds == conservation.holds
    assert sum(record.ends().values()) == conservation.accounted
    assert record.line == conservation.line()
