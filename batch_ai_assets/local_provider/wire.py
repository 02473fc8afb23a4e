"""OpenAI's chat completions format: bytes to a request, an answer or a refusal to bytes.

Here: JSON in and out. Not here: HTTP framing (see `connection`), routing (see `server`).
The form is the public one of `POST /v1/chat/completions`; of its options the local models know
`response_format: json_schema`, `logprobs`, `top_logprobs`, `max_tokens` and
`max_completion_tokens`. Sampling options are accepted and have no effect.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from .model import ChatAnswer, ChatRequest, Message, RequestRefused, TokenLogprob


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


class _JsonSchema(msgspec.Struct):
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _ResponseFormat(msgspec.Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _ChatBody(msgspec.Struct):
    model: str
    messages: list[_Message]
    response_format: _ResponseFormat | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    stream: bool | None = None
    n: int | None = None


_decoder = msgspec.json.Decoder(_ChatBody)


def decode_request(body: bytes) -> ChatRequest:
    """Read a request. Raises RequestRefused (400) and names the field that is wrong."""
    try:
        chat = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(400, "invalid_request", _reason(error)) from error
    if chat.stream or (chat.n or 1) != 1:
        raise RequestRefused(
            400, "unsupported_value", "streaming and n > 1 are not supported; leave both out"
        )
    limit = chat.max_tokens if chat.max_tokens is not None else chat.max_completion_tokens
    if limit is not None and limit < 1:
        raise RequestRefused(400, "invalid_value", "max_tokens must be at least 1")
    if not chat.messages:
        raise RequestRefused(400, "empty_array", "messages is empty; send at least one message")
    return ChatRequest(
        chat.model,
        tuple(Message(m.role, _text(m.content)) for m in chat.messages),
        _schema_of(chat.response_format),
        limit,
        bool(chat.logprobs),
        max(0, min(20, chat.top_logprobs or 0)),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return f"the request is not in the form of a chat completion: {error}"
    return "the request body is not valid JSON in UTF-8"


def _text(content: str | list[_Part] | None) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.text for part in content or ())


def _schema_of(response_format: _ResponseFormat | None) -> dict[str, Any] | None:
    if response_format is None or response_format.type == "text":
        return None
    if response_format.type != "json_schema" or response_format.json_schema is None:
        raise RequestRefused(
            400,
            "unsupported_value",
            "response_format must be text, or json_schema with a json_schema.schema",
        )
    return _parsed_schema(bytes(response_format.json_schema.schema))


@lru_cache(maxsize=256)
def _parsed_schema(raw: bytes) -> dict[str, Any]:
    # A batch sends one schema thousands of times: parsed once, shared, never written to.
    try:
        schema = orjson.loads(raw)
    except orjson.JSONDecodeError:  # nested beyond all measure
        schema = None
    if not isinstance(schema, dict):
        raise RequestRefused(400, "invalid_json_schema", "json_schema.schema must be an object")
    return schema


def encode_answer(
    number: int, model: str, answer: ChatAnswer, *, refusal: str | None = None, top: int = 0
) -> bytes:
    """The body of a 200. With a `refusal` the content is null, as OpenAI sends it."""
    tokens = answer.tokens
    choice: dict[str, Any] = {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": answer.content if refusal is None else None,
            "refusal": refusal,
        },
        "logprobs": None if tokens is None else {"content": [_logprob(t, top) for t in tokens]},
        "finish_reason": answer.finish_reason,
    }
    usage: dict[str, Any] = {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }
    if answer.cached_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": answer.cached_tokens}
    return orjson.dumps(
        {
            "id": f"chatcmpl-{number:012d}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [choice],
            "usage": usage,
        }
    )


def _logprob(token: TokenLogprob, top: int) -> dict[str, Any]:
    return {
        "token": token.token,
        "logprob": token.logprob,
        "bytes": None,
        "top_logprobs": [
            {"token": text, "logprob": logprob, "bytes": None} for text, logprob in token.top[:top]
        ],
    }


_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
}


def encode_error(
    status: int, message: str, code: str | None = None, kind: str | None = None
) -> bytes:
    """OpenAI's error body; `kind` is its `type`, taken from the status where not given."""
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    kind = kind or _ERROR_TYPES.get(status, fallback)
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def encode_models(names: Iterable[str]) -> bytes:
    """The body of `GET /v1/models`."""
    return orjson.dumps({"object": "list", "data": [_model(name) for name in names]})


def encode_model(name: str) -> bytes:
    """The body of `GET /v1/models/{id}`."""
    return orjson.dumps(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "local"}
