"""Columns of a result row: lineage first, then the job's output, then flags."""

from __future__ import annotations

import pyarrow as pa
import pytest

from batch_ai_assets.engine.errors import SpecError
from batch_ai_assets.engine.validation.columns import (
    LINEAGE,
    check_columns,
    enriched_schema,
    result_schema,
    row_cells,
)

from .samples import make_job


def test_a_result_row_starts_with_all_lineage_columns_in_their_order() -> None:
    names = result_schema(make_job()).names
    assert ",".join(names[: len(LINEAGE)]) == (
        "job,batch,item_id,output_id,version,run_id,shard_id,worker_id,provider,model,"
        "model_version,prompt_version,schema_version,input_hash,confidence,attempts,tokens_in,"
        "tokens_out,cost_usd,created_at,data_classification"
    )


def test_output_fields_become_typed_columns_and_flags_come_last() -> None:
    schema = result_schema(make_job())
    tail = {field.name: field.type for field in schema}
    assert list(tail)[len(LINEAGE) :] == [
        "family", "level", "score", "clauses", "patents", "names", "flags",
    ]
    assert tail["score"] == pa.float64()
    assert tail["clauses"] == pa.int64()
    assert tail["patents"] == pa.bool_()
    assert tail["names"] == pa.string()
    assert tail["flags"] == pa.list_(pa.string())


def test_every_column_says_what_it_means() -> None:
    for field in enriched_schema(make_job()):
        assert field.metadata[b"description"]
    described = result_schema(make_job()).field("family").metadata[b"description"].decode()
    assert described == "Licence family. One of: permissive, copyleft, permissive-0."


def test_enriched_rows_carry_their_position() -> None:
    assert enriched_schema(make_job()).names[0] == "seq"


def test_cells_come_in_column_order_with_missing_fields_empty() -> None:
    cells = row_cells(make_job())({"names": ["b", "é"], "family": "permissive", "score": 1})
    assert cells == ["permissive", None, 1.0, None, None, '["b","é"]']


@pytest.mark.parametrize("name", ["job", "Model", "OUTPUT_ID", "flags", "seq"])
def test_an_output_field_named_like_a_platform_column_is_refused(name: str) -> None:
    job = make_job({"type": "object", "properties": {name: {"type": "string"}}})
    with pytest.raises(SpecError, match=rf"output\.schema\.properties\.{name}"):
        check_columns(job)


def test_two_output_fields_that_sql_cannot_tell_apart_are_refused() -> None:
    job = make_job(
        {"type": "object", "properties": {"Kind": {"type": "string"}, "kind": {"type": "string"}}}
    )
    with pytest.raises(SpecError, match="taken by the output field 'Kind'"):
        check_columns(job)


def test_a_sound_job_is_let_through() -> None:
    check_columns(make_job())
