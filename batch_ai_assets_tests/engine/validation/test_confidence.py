"""Confidence: from a field, or from the probabilities of the tokens that spell a value."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.validation.answer import AnswerCheck
from batch_ai_assets.engine.validation.confidence import ConfidenceReader
from batch_ai_assets.local_provider.model import ChatRequest, Message
from batch_ai_assets.local_provider.stub import StubModel

from .samples import make_job


@dataclass
class Token:
    token: str
    logprob: float | None


SAID = ConfidenceReader(make_job(confidence={"from": "field", "field": "score"}))
SPELT = ConfidenceReader(make_job(confidence={"from": "logprob", "field": "family"}))
NUMBER = ConfidenceReader(make_job(confidence={"from": "logprob", "field": "score"}))


def spell(*parts: tuple[str, float | None]) -> tuple[dict[str, Any], str, list[Token]]:
    content = "".join(part for part, _ in parts)
    return json.loads(content), content, [Token(part, logprob) for part, logprob in parts]


def test_a_job_that_names_no_confidence_has_none() -> None:
    reader = ConfidenceReader(make_job())
    assert reader.read({"score": 0.4}, "", None) is None
    assert not reader.needs_logprobs


@pytest.mark.parametrize(("value", "confidence"), [(0.4, 0.4), (1, 1.0), (0, 0.0)])
def test_the_field_says_it(value: float, confidence: float) -> None:
    assert SAID.read({"score": value}, "", None) == confidence


@pytest.mark.parametrize("value", [95, -0.1, 1.0001, "0.4", None, True, [0.4]])
def test_a_field_that_is_no_share_is_no_confidence(value: object) -> None:
    assert SAID.read({"score": value}, "", None) is None
    assert SAID.read({}, "", None) is None


def test_only_the_tokens_of_the_value_count() -> None:
    answer = spell(('{"level": "none", ', -9), ('"family": "', -9), ("permissive", -0.5),
                   ('"', -0.25), ("}", -9))
    assert SPELT.read(*answer) == pytest.approx(math.exp(-0.75))
    assert SPELT.needs_logprobs


def test_a_value_of_several_tokens_multiplies_their_probabilities() -> None:
    answer = spell(('{"family"', -9), (': "', -9), ("per", -0.1), ("miss", -0.2), ("ive", -0.3),
                   ('"}', 0))
    assert SPELT.read(*answer) == pytest.approx(math.exp(-0.6))


def test_a_token_that_only_touches_the_value_counts() -> None:
    answer = spell(('{"family":"perm', -0.5), ('issive"}', -0.5))
    assert SPELT.read(*answer) == pytest.approx(math.exp(-1))


def test_numbers_are_spelt_too() -> None:
    answer = spell(('{"score": ', -9), ("0.", -0.1), ("75", -0.2), (', "family": "x"}', -9))
    assert NUMBER.read(*answer) == pytest.approx(math.exp(-0.3))


@pytest.mark.parametrize(
    "content",
    [
        '{"note": "the \\"family\\": is", "family": "permissive"}',
        '{"names": {"family": "copyleft"}, "family": "permissive"}',
        '{"f\\u0061mily": "permissive"}',
        '{\n  "level" : "none",\n\t"family"\r\n:\n"permissive"\n}\n',
        '{"x\\"family": "copyleft", "family": "permissive"}',
        '{"x": "family", "family": "permissive", "names": [{"family": "a"}]}',
    ],
)
def test_the_value_is_found_wherever_the_answer_puts_it(content: str) -> None:
    start = content.index("permissive")
    parts = [(content[:start], -9.0), ("permissive", -0.5), (content[start + 10], 0.0)]
    parts.append((content[start + 11 :], -9.0))
    assert SPELT.read(*spell(*parts)) == pytest.approx(math.exp(-0.5))


def test_a_nested_field_of_the_same_name_is_not_taken_for_a_missing_one() -> None:
    answer = spell(('{"names": {"family": "copyleft"}}', -0.5))
    assert SPELT.read(*answer) is None


def test_tokens_that_do_not_spell_the_text_give_no_confidence() -> None:
    content = '{"family": "permissive"}'
    fields = json.loads(content)
    assert SPELT.read(fields, content, None) is None
    assert SPELT.read(fields, content, []) is None
    assert SPELT.read(fields, content, [Token('{"family": "copyleft"}', -0.1)]) is None
    assert SPELT.read(fields, content, [Token('{"family": "perm', -0.1)]) is None


@pytest.mark.parametrize("logprob", [None, math.nan, -math.inf])
def test_a_token_without_a_finite_probability_gives_no_confidence(logprob: float | None) -> None:
    answer = spell(('{"family": "', 0), ("permissive", logprob), ('"}', 0))
    assert SPELT.read(*answer) is None


def test_it_is_never_above_one() -> None:
    assert SPELT.read(*spell(('{"family": "permissive"}', 0.3))) == 1.0


@given(st.text(), st.integers(1, 5), st.floats(-3, 0))
def test_any_value_cut_into_tokens_of_any_size_is_found(value: str, size: int, lp: float) -> None:
    content = json.dumps({"level": "a:b", "family": value}, ensure_ascii=False)
    tokens = [Token(content[at : at + size], lp) for at in range(0, len(content), size)]
    got = SPELT.read({"family": value}, content, tokens)
    assert got is not None
    start = content.rindex(json.dumps(value, ensure_ascii=False)) + 1
    touched = len({at // size for at in range(start, len(content) - 1)})
    assert got == pytest.approx(math.exp(lp * touched))


@given(st.text(), st.lists(st.text(max_size=3)))
def test_no_text_and_no_tokens_make_it_raise(content: str, parts: list[str]) -> None:
    tokens = [Token(part, -0.1) for part in parts]
    SPELT.read({"family": "x"}, content, tokens)
    SPELT.read({"family": "x"}, "".join(parts), tokens)


def test_the_bundled_providers_tokens_give_the_probability_of_the_answered_value() -> None:
    job = make_job(confidence={"from": "logprob", "field": "family"})
    message = Message("user", "<document-0>\nPermission is hereby granted\n</document-0>")
    request = ChatRequest("stub", (message,), job.output_schema(), 256, True, 5)
    answer = StubModel().answer(request)
    fields = AnswerCheck(job).check(answer.content).fields
    assert fields is not None
    assert answer.tokens is not None
    spelt = [one for one in answer.tokens if one.token == fields["family"]]
    confidence = ConfidenceReader(job).read(fields, answer.content, answer.tokens)
    assert confidence == pytest.approx(math.exp(spelt[0].logprob))
