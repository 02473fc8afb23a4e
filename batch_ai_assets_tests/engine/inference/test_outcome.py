"""What a call came to: every status has a name, and the name says what happens next."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.inference.outcome import Failure, FailureClass, Reply, interpret


def failure(status: int, headers: Mapping[str, str] | None = None, **error: object) -> Failure:
    outcome = interpret(status, headers or {}, json.dumps({"error": error}).encode())
    assert isinstance(outcome, Failure)
    return outcome


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "rate_limit_exceeded", FailureClass.THROTTLED),
        (429, "insufficient_quota", FailureClass.FATAL),
        (400, "insufficient_quota", FailureClass.FATAL),
        (500, None, FailureClass.TRANSIENT),
        (502, None, FailureClass.TRANSIENT),
        (503, None, FailureClass.TRANSIENT),
        (504, None, FailureClass.TRANSIENT),
        (529, "overloaded_error", FailureClass.TRANSIENT),
        (408, None, FailureClass.TRANSIENT),
        (409, None, FailureClass.TRANSIENT),
        (401, "invalid_api_key", FailureClass.FATAL),
        (402, None, FailureClass.FATAL),
        (403, None, FailureClass.FATAL),
        (404, "model_not_found", FailureClass.FATAL),
        (405, None, FailureClass.FATAL),
        (307, None, FailureClass.FATAL),
        (400, "invalid_json_schema", FailureClass.FATAL),
        (400, "unsupported_parameter", FailureClass.FATAL),
        (400, "context_length_exceeded", FailureClass.PERMANENT),
        (413, None, FailureClass.PERMANENT),
        (400, "content_policy_violation", FailureClass.PERMANENT),
        (422, None, FailureClass.PERMANENT),
    ],
)
def test_each_refusal_has_its_class(status: int, code: str | None, kind: FailureClass) -> None:
    found = failure(status, code=code)
    assert found.kind is kind
    assert str(status) in found.message
    assert not found.may_cost, "a refused call is not billed"


@pytest.mark.parametrize("status", [101, 200, 202, 204])
def test_a_success_that_says_nothing_is_no_refusal_of_the_document(status: int) -> None:
    found = interpret(status, {}, b"")
    assert isinstance(found, Failure)
    assert (found.kind, found.reason) == (FailureClass.TRANSIENT, "malformed_reply")
    assert found.may_cost


def test_an_answer_is_one_whatever_kind_of_success_it_came_with() -> None:
    body = json.dumps({"choices": [{"message": {"content": "{}"}}]}).encode()
    assert isinstance(interpret(201, {}, body), Reply)


def test_a_parameter_that_every_request_shares_is_fatal() -> None:
    assert failure(400, param="response_format.json_schema").kind is FailureClass.FATAL
    assert failure(400, param="messages.1.content").kind is FailureClass.PERMANENT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"retry-after-ms": "40", "Retry-After": "1"}, 0.04),
        ({"retry-after-ms": "soon", "Retry-After": "2"}, 2.0),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "86400"}, 300.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_the_provider_asks_for_is_read(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert failure(429, headers).retry_after == seconds
    assert failure(503, headers).retry_after == seconds


def test_a_completion_is_a_reply() -> None:
    body = {
        "choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {}},
    }
    reply = interpret(200, {}, json.dumps(body).encode())
    assert isinstance(reply, Reply)
    assert reply.choices[0].message.content == "{}"
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 3


def usage(details: str, prompt_tokens: int = 2000) -> tuple[int, int, int] | None:
    body = (
        '{"choices":[{"message":{"content":"{}"}}],"usage":{"prompt_tokens":%d,'
        '"completion_tokens":7%s}}'
    )
    reply = interpret(200, {}, (body % (prompt_tokens, details)).encode())
    assert isinstance(reply, Reply)
    assert reply.usage is not None
    return reply.usage.counted()


def test_the_tokens_that_the_provider_had_cached_are_read() -> None:
    details = ',"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0}'
    assert usage(details) == (2000, 7, 1920)
    assert usage(details, prompt_tokens=1920) == (1920, 7, 1920)


@pytest.mark.parametrize(
    "said",
    [
        '{"cached_tokens":2001}', '{"cached_tokens":-1}', '{"cached_tokens":1e400}',
        '{"cached_tokens":128.5}', '{"cached_tokens":"128"}', '{"cached_tokens":true}',
        '{"cached_tokens":null}', '{"cached_tokens":[128]}', '{"cached_tokens":1' + "0" * 30 + "}",
        "{}", "null", "128", '"128"', "[1920]",
    ],
)  # fmt: skip
def test_a_count_of_cached_tokens_that_cannot_be_one_lowers_no_cost_and_loses_no_answer(
    said: str,
) -> None:
    assert usage(f',"prompt_tokens_details":{said}') == (2000, 7, 0)


def test_a_provider_that_says_nothing_of_a_cache_has_none() -> None:
    assert usage("") == (2000, 7, 0)


@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_no_body_whatever_breaks_the_reader(status: int, body: bytes) -> None:
    outcome = interpret(status, {}, body)
    assert isinstance(outcome, Reply | Failure)
    if isinstance(outcome, Failure):
        assert outcome.reason
        assert outcome.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"message":{"content":"\xff"}}]}',
        b'{"choices":[{"message":{"content":"\\ud800"}}]}',
        b'{"choices":[{"message":{"content":"x"}}],"more":' + b"[" * 100_000,
        b'{"choices":[{"message":null}]}',
        b'{"choices":{}}',
        b"null",
    ],
    ids=["not UTF-8", "half a surrogate pair", "nested", "null message", "no list", "null"],
)
def test_a_reply_that_cannot_be_read_may_have_been_billed_and_is_tried_again(body: bytes) -> None:
    found = interpret(200, {}, body)
    assert isinstance(found, Failure)
    assert (found.kind, found.reason) == (FailureClass.TRANSIENT, "malformed_reply")
    assert found.may_cost
    error = interpret(500, {}, body)
    assert isinstance(error, Failure)
    assert error.message == "HTTP 500: the provider failed."


@given(text=st.text(min_size=8, max_size=60))
def test_what_a_provider_quotes_in_its_error_is_not_repeated(text: str) -> None:
    found = failure(400, message=f"cannot process: CANARY{text}")
    assert "CANARY" not in found.message
    assert "CANARY" not in found.reason


def test_a_code_of_a_provider_is_cut_short_and_kept_to_plain_characters() -> None:
    found = failure(403, code="CANARY of a document, with spaces\nand lines " * 20)
    assert "\n" not in found.reason
    assert "CANARY of a" not in found.reason + found.message


@pytest.mark.parametrize(
    "name",
    ["model_not_found", "InvalidParameter", "3210", "messages[0].content", "tools[12]", "h2.gone"],
)
def test_a_name_that_a_provider_gives_an_error_is_repeated(name: str) -> None:
    assert f"HTTP 400 {name}: " in failure(400, code=name).message


@pytest.mark.parametrize(
    "key",
    ["sk-proj-4cD8f0Ba19e27Kq", "gsk_Zx81qPl0", "AKIA5EXAMPLE7KEY", "0f3a9c1d77b2", "x" * 101],
)
def test_a_key_in_place_of_such_a_name_is_not(key: str) -> None:
    for status in (400, 401, 500):
        found = failure(status, code=key, param=key)
        assert key not in found.message
        assert key not in found.reason
