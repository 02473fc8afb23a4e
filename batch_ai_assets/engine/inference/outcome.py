"""What one call came to. Pure: from status, headers and body to a reply or a named failure.

Promise 7: throttled, transient, permanent, invalid answer, fatal for the job. Statuses follow
the OpenAI API; `insufficient_quota` is a 429 that no waiting heals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

import msgspec


class FailureClass(StrEnum):
    THROTTLED = "throttled"
    """Turned away; nothing was paid; never uses up an attempt."""
    UNREACHABLE = "unreachable"
    """No connection: the call never arrived; never uses up an attempt."""
    TRANSIENT = "transient"
    """May work next time; retried with backoff."""
    PERMANENT = "permanent"
    """This item will never work; dead at once."""
    INVALID = "invalid"
    """An answer that breaks the schema or the taxonomy; retried, then dead."""
    FATAL = "fatal"
    """No item of the job will work; stops the job after one call."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call gave no usable answer."""

    kind: FailureClass
    reason: str
    """Stable and short, for counting: `http_503`, `timeout`, `schema`, …"""
    message: str
    """For people; never document text."""
    retry_after: float | None = None
    """Seconds the provider asks to wait."""
    may_cost: bool = False
    """True where the provider may have worked and billed without us seeing the answer."""


class Token(msgspec.Struct):
    token: str
    logprob: float | None = None


class Logprobs(msgspec.Struct):
    content: list[Token] | None = None


class ReplyMessage(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class Choice(msgspec.Struct):
    message: ReplyMessage
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


_UNTOLD = msgspec.Raw(b"")


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class Usage(msgspec.Struct):
    """Tokens as the provider counted them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: msgspec.Raw = _UNTOLD
    """Read apart: whatever stands there, the answer is paid for and is used."""

    def counted(self) -> tuple[int, int, int] | None:
        """(tokens in, tokens out, of those in the cached ones), or None where a count is missing
        or cannot be one."""
        told, answered = self.prompt_tokens, self.completion_tokens
        if told is None or answered is None:
            return None
        plausible = 0 <= told <= _MOST_TOKENS and 0 <= answered <= _MOST_TOKENS
        return (told, answered, self._cached(told)) if plausible else None

    def _cached(self, told: int) -> int:
        """0 where the count is missing or cannot be one: it lowers the cost."""
        if self.prompt_tokens_details is _UNTOLD:
            return 0
        try:
            cached = _decode_details(self.prompt_tokens_details).cached_tokens or 0
        except _UNREADABLE:
            return 0
        return cached if 0 <= cached <= told else 0


class Reply(msgspec.Struct):
    """The parts of a chat completion that count."""

    choices: list[Choice]
    usage: Usage | None = None


class _ErrorBody(msgspec.Struct):
    code: str | int | None = None
    param: str | None = None


class _ErrorReply(msgspec.Struct):
    error: _ErrorBody = msgspec.field(default_factory=_ErrorBody)


_NAME = re.compile(
    r"(?=.{1,100}\Z)(?:[A-Za-z]+\d{0,4}|\d{1,6})(?:[_.\[\]-]+(?:[A-Za-z]+\d{0,4}|\d{1,6}))*\]?"
)
"""Words and short numbers, such as `messages[0].content`. Keys mix letters and digits."""
_decode_reply = msgspec.json.Decoder(Reply).decode
_decode_details = msgspec.json.Decoder(_PromptDetails).decode
_decode_error = msgspec.json.Decoder(_ErrorReply).decode

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_LONGEST_WAIT_SECONDS = 300.0
_MOST_TOKENS = 2**31
"""No model reads or writes more in one call."""

FATAL_CODES = {
    "insufficient_quota": "the account has no quota left",
    "model_not_found": "the provider does not know the model",
    "invalid_api_key": "the provider refuses the API key",
    "billing_not_active": "the account is not active",
}


def interpret(status: int, headers: Mapping[str, str], body: bytes) -> Reply | Failure:
    """The reply, or why there is none. Whether its content is right is judged elsewhere."""
    if status < 300:
        try:
            reply = _decode_reply(body)
        except _UNREADABLE:
            reply = None
        if reply is not None and reply.choices:
            return reply
        return Failure(
            FailureClass.TRANSIENT,
            "malformed_reply",
            "The provider's reply is no chat completion.",
            may_cost=True,
        )
    return _failure(status, headers, _read_error(body))


def _failure(status: int, headers: Mapping[str, str], error: _ErrorBody) -> Failure:
    code = str(error.code)
    said = f"HTTP {status}" + (f" {code}" if code else "")
    if 300 <= status < 400:
        why = "the provider sends requests elsewhere; name that address in base_url"
        return Failure(FailureClass.FATAL, f"http_{status}", f"{said}: {why}.")
    if code in FATAL_CODES or status in (401, 402, 403, 404, 405):
        why = FATAL_CODES.get(code, "the provider refuses the request for every item")
        return Failure(FailureClass.FATAL, code or f"http_{status}", f"{said}: {why}.")
    if status == 429:
        return Failure(
            FailureClass.THROTTLED, "throttled", said, retry_after=_retry_after(headers)
        )
    if status in (408, 409, 425) or status >= 500:
        return Failure(
            FailureClass.TRANSIENT,
            f"http_{status}",
            f"{said}: the provider failed.",
            retry_after=_retry_after(headers),
        )
    if code == "context_length_exceeded" or status == 413:
        return Failure(
            FailureClass.PERMANENT, "too_long", f"{said}: longer than the model's context."
        )
    if _is_about_the_job(error):
        return Failure(
            FailureClass.FATAL,
            code or f"http_{status}",
            f"{said}: the model cannot fill the job's output schema or does not take a parameter "
            f"({error.param or code}).",
        )
    return Failure(
        FailureClass.PERMANENT, "rejected", f"{said}: the provider refuses this request."
    )


def _is_about_the_job(error: _ErrorBody) -> bool:
    """A 400 over what every request of the job shares: schema, parameters."""
    code, param = str(error.code), str(error.param)
    return param.startswith("response_format") or code in (
        "invalid_json_schema",
        "unsupported_schema",
        "unsupported_parameter",
        "unsupported_value",
        "unknown_parameter",
    )


def _read_error(body: bytes) -> _ErrorBody:
    try:
        error = _decode_error(body).error
    except _UNREADABLE:
        error = _ErrorBody()
    return _ErrorBody(code=_plain(error.code), param=_plain(error.param))


def _plain(value: str | int | None) -> str:
    """A name as APIs use them; anything else may quote document or key, and is left out."""
    text = str(value or "")
    return text if _NAME.fullmatch(text) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of `retry-after-ms` or `Retry-After` (the date form is rare and not read).

    A longer wish than five minutes is asked about again: a header must not stop a batch for a day.
    """
    for name, unit in (("retry-after-ms", 0.001), ("Retry-After", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if isfinite(seconds):
            return min(max(0.0, seconds), _LONGEST_WAIT_SECONDS)
    return None
