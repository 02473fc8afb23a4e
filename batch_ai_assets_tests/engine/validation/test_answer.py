"""AnswerCheck: usable answers pass, every other one gets the right reason and a discreet detail."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.validation.answer import AnswerCheck
from batch_ai_assets.engine.validation.columns import output_columns, result_schema, row_cells

from .samples import SCHEMA, make_job

CHECK = AnswerCheck(make_job())
GOOD = {"family": "permissive", "level": "none"}


def test_a_good_answer_gives_its_fields() -> None:
    checked = CHECK.check('{"family": "permissive", "level": "none", "score": 0.5}')
    assert checked.fields == {**GOOD, "score": 0.5}
    assert checked.reason is None


@pytest.mark.parametrize("content", [None, "", "  \n\t"])
def test_an_answer_without_text_is_empty(content: str | None) -> None:
    assert CHECK.check(content).reason == "empty_answer"


@pytest.mark.parametrize(
    "content",
    [
        '```json\n{"family": "permissive", "level": "none"}\n```',
        '{"family": "permissive", "level": "none"} Hope this helps!',
        '{"family": "permissive", "level": "none"}{}',
        '{"family": "permissive", "level": "no',
        '{"family": "permissive", "level": "none", "score": NaN}',
        '{"family": "permissive", "level": "none", "score": Infinity}',
        '{"family": "permissive", "level": "none", "score": 1e999}',
        '{"family": "permissive", "family": "permissive", "level": "none"}',
        '{"family": "permissive", "level": "none", "f\\u0061mily": "copyleft"}',
        "{'family': 'permissive', 'level': 'none'}",
        '{"family": "permissive", "level": "none",}',
        '\ufeff{"family": "permissive", "level": "none"}',
        '{"family": "permissive", "level": "\\ud800"}',
        "[" * 100_000,
        "sorry, I cannot",
    ],
)
def test_text_that_is_not_exactly_one_json_value_is_malformed(content: str) -> None:
    assert CHECK.check(content).reason == "malformed"


def test_a_key_repeated_inside_a_nested_object_is_malformed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object"}}}
    check = AnswerCheck(make_job(schema))
    assert check.check('{"a": {"b": 1, "b": 2}}').reason == "malformed"
    assert check.check('{"a": {"b": 1, "c": ": : :"}}').fields is not None


def test_nesting_at_the_parsers_limit_ends_in_a_reason_not_a_traceback() -> None:
    schema = {"type": "object", "properties": {"a": {}}}
    depth = 1020
    content = '{"a":' * depth + "1" + "}" * depth
    assert AnswerCheck(make_job(schema)).check(content).reason in {None, "malformed", "schema"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"family": None}, "family: must be of type string"),
        ({"extra": "x"}, "further properties are not allowed"),
        ({"score": 1.5}, "score: must meet maximum 1"),
        ({"score": "high"}, "score: must be of type number"),
        ({"clauses": 10**30}, "clauses: must meet maximum"),
        ({"clauses": 2.5}, "clauses: must be of type integer"),
        ({"names": [1]}, "names.0: must be of type string"),
        ({"level": "lots"}, "level: must be one of none, some, strong"),
    ],
)
def test_a_violation_says_where_and_what_was_expected(
    change: dict[str, Any], expected: str
) -> None:
    checked = CHECK.check(json.dumps({**GOOD, **change}))
    assert checked.reason == "schema"
    assert expected in checked.detail


def test_a_missing_field_is_named() -> None:
    assert "'level' is missing" in CHECK.check('{"family": "permissive"}').detail


@pytest.mark.parametrize("content", ["[]", "null", '"permissive"', "3", "true"])
def test_json_that_is_no_object_breaks_the_schema(content: str) -> None:
    assert CHECK.check(content).reason == "schema"


def test_a_value_outside_the_taxonomy_is_told_apart_and_the_approved_ones_are_named() -> None:
    checked = CHECK.check('{"family": "proprietary", "level": "none"}')
    assert checked.reason == "taxonomy"
    assert checked.detail == "family: must be one of permissive, copyleft, permissive-0"


def test_a_taxonomy_violation_beside_another_one_is_a_schema_violation() -> None:
    assert CHECK.check('{"family": "proprietary"}').reason == "schema"


def test_a_taxonomy_is_not_the_same_as_an_enum_in_the_schema() -> None:
    assert CHECK.check('{"family": "permissive", "level": "lots"}').reason == "schema"


def test_no_detail_quotes_what_the_model_wrote() -> None:
    secret = "Jane Doe, 4111 1111"
    for answer in (
        {**GOOD, "family": secret},
        {**GOOD, "level": secret},
        {**GOOD, secret: 1},
        {**GOOD, "score": secret},
        {**GOOD, "names": [secret, 4]},
        {secret: {secret: secret}},
    ):
        checked = CHECK.check(json.dumps(answer))
        assert checked.reason is not None
        assert "Jane" not in checked.detail
        assert "4111" not in checked.detail
    assert "Jane" not in CHECK.check(secret).detail


def test_a_key_invented_below_an_open_object_is_not_shown() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "object", "additionalProperties": {"type": "integer"}}},
    }
    checked = AnswerCheck(make_job(schema)).check('{"a": {"Jane Doe": "x"}}')
    assert checked.detail == "a.*: must be of type integer"


def test_many_violations_are_counted_not_listed() -> None:
    answer = {**GOOD, "family": 1, "level": 2, "score": "x", "clauses": "x", "patents": "x"}
    assert "and 4 more" in CHECK.check(json.dumps(answer)).detail


def test_a_schema_may_not_point_to_the_network() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/s.json"}}}
    with pytest.raises(Exception, match="not a usable JSON Schema"):
        AnswerCheck(make_job(schema))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.one_of(st.text(), JSON_VALUES.map(json.dumps)))
def test_any_text_gets_fields_or_a_reason_never_both_and_never_an_exception(content: str) -> None:
    checked = CHECK.check(content)
    assert (checked.fields is None) == (checked.reason is not None)


@given(
    st.fixed_dictionaries(
        {"family": st.sampled_from(["permissive", "copyleft"]), "level": st.just("some")},
        optional={
            "score": st.floats(0, 1) | st.integers(0, 1),
            "clauses": st.integers(0, 10**25) | st.floats(0, 1e25).map(float.__floor__),
            "patents": st.booleans() | st.none(),
            "names": st.lists(st.text(max_size=5), max_size=3),
        },
    )
)
def test_every_answer_that_passes_fits_its_columns(answer: dict[str, Any]) -> None:
    job = make_job()
    checked = CHECK.check(json.dumps(answer))
    if checked.fields is None:
        assert answer["clauses"] > 2**62
        return
    cells = row_cells(job)(checked.fields)
    types = result_schema(job)
    for column, cell in zip(output_columns(job), cells, strict=True):
        pa.array([cell], types.field(column.name).type)


def test_a_whole_number_written_as_a_float_fits_its_column() -> None:
    fields = CHECK.check(json.dumps({**GOOD, "clauses": 3.0, "score": 1})).fields
    assert fields is not None
    assert row_cells(make_job())(fields)[2:4] == [1.0, 3]
    assert list(SCHEMA["properties"])[2:4] == ["score", "clauses"]


OPEN = {
    "type": "object",
    "properties": {"list": {"type": "array"}, "thing": {"type": "object"}, "any": {}},
}


@pytest.mark.parametrize("levels", [120, 254, 255, 500, 1000])
@pytest.mark.parametrize("name", ["list", "thing", "any", "unasked"])
def test_an_answer_that_is_nested_too_deeply_to_be_written_is_malformed(
    name: str, levels: int
) -> None:
    start, end = ('{"a":', "}") if name == "thing" else ("[", "]")
    answer = f'{{"{name}": {start * levels}1{end * levels}}}'
    checked = AnswerCheck(make_job(OPEN)).check(answer)
    assert checked.fields is None
    assert checked.reason in ("malformed", "schema" if name == "unasked" else "malformed")


def test_many_brackets_side_by_side_are_no_depth() -> None:
    answer = {"list": [[n] for n in range(2000)], "thing": {"text": "[" * 500}, "any": 1}
    checked = AnswerCheck(make_job(OPEN)).check(json.dumps(answer))
    assert checked.fields == answer


def test_an_answer_of_any_depth_that_is_stored_already_has_cells() -> None:
    deep: list[Any] = []
    for _ in range(600):
        deep = [deep]
    cells = row_cells(make_job(OPEN))({"list": deep, "any": [1]})
    assert isinstance(json.loads(cells[0]), str)
    assert cells[1:] == [None, "[1]"]
