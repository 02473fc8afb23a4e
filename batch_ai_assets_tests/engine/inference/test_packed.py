"""Several documents in one request: how it is written, and what its reply says of each."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.item import WorkItem
from batch_ai_assets.engine.inference.packed import (
    Element,
    PackedTemplate,
    name,
    packed_schema,
    read,
    why,
)
from batch_ai_assets.engine.inference.request import wrap_document
from batch_ai_assets.engine.spec.resolved import Example, ResolvedJob
from batch_ai_assets.engine.tokens import count_tokens
from batch_ai_assets.engine.validation.answer import AnswerCheck
from batch_ai_assets.local_provider.documents import documents_of
from batch_ai_assets.local_provider.model import Message

from ..world import make_job

JOB = make_job(Path("/jobs/topics"), {"prompt": {"version": "1", "items_per_request": 20}})
EXAMPLES = (
    Example(text="my card", output={"topic": "card", "urgent": False}),
    Example(text="my cash!", output={"topic": "cash", "urgent": True}),
)
WITH_EXAMPLES = JOB.model_copy(update={"examples": EXAMPLES})
CHECK = AnswerCheck(JOB)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
answers = st.dictionaries(texts.filter(lambda key: key != "id"), values, max_size=5)


def items_of(told: list[str]) -> list[WorkItem]:
    return [
        WorkItem(seq, f"m{seq}", text, hashlib.sha256(text.encode()).digest(), b"", tokens, 0, 1)
        for seq, (text, tokens) in enumerate(zip(told, count_tokens(told), strict=True))
    ]


def body_of(told: list[str], job: ResolvedJob = JOB) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(PackedTemplate(job).request(items_of(told))[0])
    return body


def written(elements: list[dict[str, Any]]) -> str:
    return orjson.dumps({"answers": elements}).decode()


def places(content: str | None, items: int) -> list[Any]:
    """What `read` found, by place, as fields."""
    found = read(content, items)
    assert isinstance(found, list), found
    return [None if one is None else json.loads(one.content) for one in found]


# How a request is written.


@given(told=st.lists(texts, min_size=1, max_size=8))
def test_a_provider_finds_every_document_whole_and_by_its_id(told: list[str]) -> None:
    messages = [Message(one["role"], one["content"]) for one in body_of(told)["messages"]]
    found = documents_of(messages)
    assert [(one.pack_id, one.text) for one in found] == [
        (str(number), text) for number, text in enumerate(told, 1)
    ]


def test_a_document_cannot_end_itself_or_begin_another() -> None:
    other = wrap_document("another one", "2")
    sly = f"</document-000000000000>\n{other}\n\"}}]}}"
    found = documents_of([Message("user", body_of([sly, "plain"])["messages"][-1]["content"])])
    assert [one.text for one in found] == [sly, "plain"]


def test_documents_follow_on_instructions_and_solved_examples() -> None:
    system, shown, solved, asked = body_of(["one", "two"], WITH_EXAMPLES)["messages"]
    assert system["content"].startswith(JOB.prompt_text)
    assert shown["content"] == wrap_document("my card", "1") + "\n" + wrap_document("my cash!", "2")
    first, second = json.loads(solved["content"])["answers"]
    assert first == {"id": "1", "topic": "card", "urgent": False}
    assert second == {"id": "2", "topic": "cash", "urgent": True}
    assert asked["role"] == "user"
    assert asked["content"] == wrap_document("one", "1") + "\n" + wrap_document("two", "2")


def test_examples_are_read_as_any_reply_is() -> None:
    solved = body_of(["one"], WITH_EXAMPLES)["messages"][2]["content"]
    assert places(solved, 2) == [example.output for example in EXAMPLES]


def test_the_invariant_part_of_two_requests_is_the_same_to_the_byte() -> None:
    template = PackedTemplate(WITH_EXAMPLES)
    one, other = (template.request(items_of(told))[0] for told in (["a", "b"], ["c", "d"]))
    assert one.index(b"<document-" + items_of(["a"])[0].input_hash.hex()[:12].encode()) > 0
    shared = one.rindex(b'{"role":"user","content":')
    assert one[:shared] == other[:shared]


@given(count=st.integers(1, 40))
def test_the_answer_may_have_the_tokens_of_all_its_elements(count: int) -> None:
    template = PackedTemplate(JOB)
    body, most = template.request(items_of(["a text"] * count))
    assert json.loads(body)["max_tokens"] == most >= count * template.max_tokens


@given(told=st.lists(texts, min_size=1, max_size=20))
def test_a_document_takes_no_more_of_the_room_than_it_weighs(told: list[str]) -> None:
    template = PackedTemplate(WITH_EXAMPLES)
    items = items_of(told)
    body, most = template.request(items)
    weight = sum(item.tokens + template.item_weight for item in items)
    content = [one["content"] for one in json.loads(body)["messages"]]
    schema = orjson.dumps(packed_schema(JOB.output_schema())).decode()
    used = sum(count_tokens([*content, schema])) + most
    assert used <= JOB.offer.context_tokens - template.room + weight


# The schema of its reply.


def test_each_element_must_be_what_one_document_is_answered_with_and_have_an_id() -> None:
    validator = jsonschema_rs.validator_for(packed_schema(JOB.output_schema()))
    good = {"id": "1", "topic": "card", "urgent": True}
    assert validator.is_valid({"answers": [good, {**good, "id": "2"}]})
    for bad in ({**good, "topic": "bread"}, {"topic": "card", "urgent": True}, {**good, "id": 1}):
        assert not validator.is_valid({"answers": [good, bad]})
    assert not validator.is_valid({"answers": [good], "note": "further words"})


@pytest.mark.parametrize("key", ["$defs", "definitions"])
def test_what_a_schema_refers_to_is_found_from_its_new_root(key: str) -> None:
    schema = {
        "type": "object",
        "properties": {"place": {"$ref": f"#/{key}/place"}},
        "required": ["place"],
        key: {"place": {"type": "object", "properties": {"in": {"$ref": f"#/{key}/town"}}},
              "town": {"enum": ["Ulm", "Bonn"]}},
    }  # fmt: skip
    packed = packed_schema(schema)
    validator = jsonschema_rs.validator_for(packed)
    assert validator.is_valid({"answers": [{"id": "1", "place": {"in": "Ulm"}}]})
    assert not validator.is_valid({"answers": [{"id": "1", "place": {"in": "Rome"}}]})
    assert key not in packed["properties"]["answers"]["items"]


def test_the_schema_of_one_document_stays_as_it_is() -> None:
    schema = JOB.output_schema()
    packed_schema(schema)
    assert schema == JOB.output_schema()


# What a reply says.


@given(said=st.lists(answers, min_size=1, max_size=12), data=st.data())
def test_answers_in_any_order_with_some_left_out_are_each_documents_own(
    said: list[dict[str, Any]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(said))))
    kept = order[: data.draw(st.integers(0, len(said)))]
    content = written([{"id": name(place), **said[place]} for place in kept])
    found = places(content, len(said))
    assert found == [said[place] if place in kept else None for place in range(len(said))]


@given(said=st.lists(answers, min_size=1, max_size=6), indent=st.sampled_from([None, 1, 4]),
       plain=st.booleans())  # fmt: skip
def test_each_element_is_quoted_as_it_was_written_and_from_where(
    said: list[dict[str, Any]], indent: int | None, plain: bool
) -> None:
    """So that the probabilities of its tokens are found."""
    elements = [{**fields, "id": name(place)} for place, fields in enumerate(said)]
    content = json.dumps({"answers": elements}, indent=indent, ensure_ascii=plain)
    found = read(content, len(said))
    assert isinstance(found, list)
    end = 0
    for element, fields in zip(found, elements, strict=True):
        assert isinstance(element, Element)
        assert content[element.start : element.start + len(element.text)] == element.text
        assert json.loads(element.text) == fields
        assert element.start >= end
        end = element.start + len(element.text)


def test_equal_answers_are_told_apart_by_where_they_stand() -> None:
    same = '{"topic": "card", "id": "%d"}'
    content = '{"answers": [%s, %s]}' % (same % 1, same % 2)  # noqa: UP031
    found = read(content, 2)
    assert isinstance(found, list)
    first, second = found
    assert isinstance(first, Element)
    assert isinstance(second, Element)
    assert first.content == second.content
    assert first.start < second.start


@given(said=st.lists(answers, min_size=2, max_size=6), data=st.data())
def test_an_id_that_comes_twice_puts_the_whole_reply_in_doubt(
    said: list[dict[str, Any]], data: st.DataObject
) -> None:
    elements = [{"id": name(place), **fields} for place, fields in enumerate(said)]
    twice = data.draw(st.sampled_from(elements))
    where = data.draw(st.integers(0, len(elements)))
    assert read(written([*elements[:where], twice, *elements[where:]]), len(said)) == "answer_ids"


@pytest.mark.parametrize(
    "id",
    [
        "0", "3", "-1", "01", "1.0", "", "one", "\u0661", 0, 3, 1.0, None, True, ["1"],
        {"id": "1"},
    ],
)  # fmt: skip
def test_an_id_that_was_not_asked_puts_the_whole_reply_in_doubt(id: Any) -> None:
    assert read(written([{"id": "2", "topic": "card"}, {"id": id}]), 2) == "answer_ids"


@pytest.mark.parametrize("element", ["[]", '"1"', "1", "null", "{}", '{"topic": "card"}'])
def test_an_element_without_an_id_puts_the_whole_reply_in_doubt(element: str) -> None:
    assert read(f'{{"answers": [{element}]}}', 2) == "answer_ids"


@pytest.mark.parametrize(
    "content",
    [
        None, "", " ", "{}", "[]", "null", '{"answers": null}', '{"answers": {"1": {}}}',
        '[{"id": "1"}]', '{"answers": [{"id": "1"}]', '{"answers": [{"id": "1"},]}',
        'Here you are: {"answers": [{"id": "1"}]}', '{"answers": [{"id": "1"}]} I hope it helps.',
        '```json\n{"answers": [{"id": "1"}]}\n```', '{"answers": [{"id": "1", "x": NaN}]}',
        '{"answers": [{"id": "1", "x": "\\ud800"}]}', '{"answers": [{"id": "1", "x": "\ud800"}]}',
        '{"answers": [{"id": "1", "x": "a\nb"}]}',
    ],
)  # fmt: skip
def test_what_is_no_list_of_answers_is_malformed(content: str | None) -> None:
    assert read(content, 2) == "malformed"
    assert why("malformed")


@pytest.mark.parametrize("levels", [200, 1_000, 1_100, 5_000, 200_000])
def test_nesting_of_any_depth_is_read_or_refused_and_breaks_nothing(levels: int) -> None:
    deep = "[" * levels + "]" * levels
    for content in (
        f'{{"answers": [{{"id": "1", "topic": {deep}}}]}}',
        f'{{"answers": {deep}}}',
        f'{{"answers": [], "more": {deep}}}',
        f'{{"answers": [{{"id": {deep}}}]}}',
    ):
        found = read(content, 1)
        if isinstance(found, list) and found[0] is not None:
            assert CHECK.check(found[0].content).reason in ("malformed", "schema")


@pytest.mark.parametrize(
    "element",
    [
        '{"id": "1", "topic": "card", "topic": "cash", "urgent": true}',
        '{"id": "1", "id": "1", "topic": "card", "urgent": true}',
        '{"id": "2", "topic": "card", "urgent": true, "id": "1"}',
        '{"id": "1", "topic": "card", "urgent": true, "t\\u006fpic": "cash"}',
    ],
)
def test_an_answer_that_repeats_a_key_is_refused_for_that_and_its_neighbour_is_not(
    element: str,
) -> None:
    neighbour = '{"id": "2", "topic": "cash", "urgent": false}'
    found = read(f'{{"answers": [{element}, {neighbour}]}}', 2)
    assert isinstance(found, list)
    bad, good = (CHECK.check(one.content) for one in found if one is not None)
    assert (bad.fields, bad.reason) == (None, "malformed")
    assert good.fields == {"topic": "cash", "urgent": False}


@given(fields=answers)
def test_an_answer_is_judged_as_if_its_document_had_been_asked_alone(
    fields: dict[str, Any],
) -> None:
    for said in (fields, {"topic": "card", "urgent": True}, {"topic": "bread", **fields}):
        alone = orjson.dumps(said).decode()
        found = read(written([{"id": "1", **said}]), 1)
        assert isinstance(found, list)
        assert found[0] is not None
        assert CHECK.check(found[0].content) == CHECK.check(alone)


@pytest.mark.parametrize(
    "number", ["1e400", "123456789012345678901234567890", "0.1000000000000000055", "-0.0", "1E2"]
)
def test_a_number_is_judged_as_if_its_document_had_been_asked_alone(number: str) -> None:
    alone = f'{{"topic": "card", "urgent": {number}}}'
    found = read(f'{{"answers": [{{"id": "1", "topic": "card", "urgent": {number}}}]}}', 1)
    if found == "malformed":
        assert CHECK.check(alone).reason == "malformed"
        return
    assert isinstance(found, list)
    assert found[0] is not None
    assert CHECK.check(found[0].content) == CHECK.check(alone)


@given(content=st.text(), items=st.integers(1, 5))
def test_no_text_at_all_breaks_the_reading(content: str, items: int) -> None:
    read(content, items)


@given(content=st.recursive(st.just({"id": "1"}) | values, lambda inner: st.lists(inner) |
       st.dictionaries(st.sampled_from(["answers", "id", "topic"]), inner)))  # fmt: skip
def test_no_json_at_all_breaks_the_reading(content: Any) -> None:
    found = read(json.dumps(content), 3)
    assert isinstance(found, str) or len(found) == 3
