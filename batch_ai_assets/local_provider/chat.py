"""`POST /v1/chat/completions`: one call from its arrival to the socket.

Key, form, model, rate limits, faults, the model itself, latency, the count in `/stats`: in this
order. The stub answers inside the event loop, a real model in a worker thread of its own.

Here: a call's way. Not here: framing (`connection`), JSON (`wire`), what a fault says of content
(`stub`), the other paths (`server`).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from .buckets import RateLimits, Refusal
from .connection import Connection
from .documents import Document, documents_of
from .faults import CONNECTION_KINDS, OK, STATUS_KINDS, FaultPlan, FaultSyntaxError, Step
from .model import ChatAnswer, ChatRequest, RequestRefused
from .options import MINILM, STUB, ServerOptions
from .prompt_cache import PromptCache
from .stats import Stats
from .stub import StubModel, prompt_tokens
from .threaded import ThreadedModel, load_minilm
from .wire import decode_request, encode_answer, encode_error

_log = logging.getLogger(__name__)

_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_STATUS_FAULTS: dict[str, tuple[int, str, str | None, str]] = {
    "400": (400, "invalid_request_error", "invalid_request", "The request is invalid."),
    "401": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "403": (403, "invalid_request_error", "permission_denied", "The key may not use this model."),
    "404": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "408": (408, "timeout", None, "The request timed out."),
    "413": (413, "invalid_request_error", None, "The request is too large."),
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    "500": (500, "server_error", None, "The server had an error while processing your request."),
    "502": (502, "server_error", None, "Bad gateway."),
    "503": (503, "server_error", None, "The engine is currently overloaded, try again later."),
    "504": (504, "server_error", None, "The server did not answer in time."),
    "quota": (429, "insufficient_quota", "insufficient_quota", _QUOTA),
}
_SLOW_SECONDS = 2.0
_HANG_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Call:
    """One chat request under way."""

    connection: Connection
    number: int
    request: ChatRequest
    documents: tuple[Document, ...]
    estimate: int
    """Tokens of the prompt, as charged on arrival."""


class ChatEndpoint:
    """Answers chat requests with the models that the options name."""

    def __init__(
        self, options: ServerOptions, stats: Stats, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._key = None if options.api_key is None else options.api_key.encode()
        self._latency = options.latency_ms / 1000
        self._stats = stats
        self._loop = loop
        self._number = 0
        self._plan = FaultPlan(options.fault_rates(), options.seed)
        self._limits = RateLimits(options.rpm, options.tpm, options.burst_seconds, loop.time())
        self._stub = StubModel(options.context_tokens) if STUB in options.models else None
        self._cache = PromptCache() if options.prompt_cache else None
        self._threaded = {
            name: ThreadedModel(name, partial(load_minilm, options.minilm))
            for name in options.models
            if name == MINILM
        }

    def load(self) -> None:
        """Load the real models now. Raises ProviderError where that fails."""
        for model in self._threaded.values():
            model.load()

    def close(self) -> None:
        """Let the worker threads end."""
        for model in self._threaded.values():
            model.close()

    def authorised(self, bearer: str | None) -> bool:
        """Whether a request with this key is served."""
        return self._key is None or hmac.compare_digest(self._key, (bearer or "").encode())

    def turn_away(self, connection: Connection, status: int, body: bytes) -> None:
        """Answer a chat request that is not looked at (an outage, a wrong key), and count it."""
        self._stats.arrived()
        self._send(connection, status, body)

    def call(self, connection: Connection, body: bytes) -> None:
        """Answer a chat request, now or later."""
        self._stats.arrived()
        self._number += 1
        try:
            self._begin(connection, body)
        except RequestRefused as refusal:
            self._refuse(connection, refusal)
        except Exception as error:  # a defect of ours: the client is told, the server goes on
            self._break_down(connection, error)

    def _begin(self, connection: Connection, body: bytes) -> None:
        request = decode_request(body)
        self._check_model(request.model)
        documents = documents_of(request.messages)
        self._stats.asked(documents)
        call = _Call(connection, self._number, request, documents, prompt_tokens(request))
        if self._limits.active:
            refused = self._limits.admit(call.estimate, self._loop.time())
            if refused is not None:
                self._throttle(call, refused)
                return
        if request.model == STUB:
            self._ask_stub(call)
        else:
            self._ask_thread(call)

    def _check_model(self, name: str) -> None:
        if not (name in self._threaded or (name == STUB and self._stub is not None)):
            raise RequestRefused(
                404,
                "model_not_found",
                f"The model `{name[:100]}` does not exist or you do not have access to it.",
            )

    def _throttle(self, call: _Call, refused: Refusal) -> None:
        self._stats.throttled += 1
        seconds = refused.retry_after_seconds
        message = (
            f"Rate limit reached for {call.request.model} on {refused.limit} per min: "
            f"Limit {refused.per_minute}. Please try again in {seconds:.3f}s."
        )
        body = encode_error(429, message, "rate_limit_exceeded", refused.limit)
        self._send(call.connection, 429, body, retry_after(seconds))

    # The stub, and what goes wrong on purpose.

    def _ask_stub(self, call: _Call) -> None:
        assert self._stub is not None
        try:
            steps = [self._plan.next_step(document) for document in call.documents]
        except FaultSyntaxError as error:
            raise RequestRefused(400, "invalid_stub_marker", str(error)) from error
        fault = next((step for step in steps if not (step.of_content or step.kind == OK.kind)), OK)
        if fault.kind in STATUS_KINDS:
            self._fail(call, fault)
            return
        said = self._stub.respond(call.request, call.documents, steps, call.estimate)
        answer = said.answer
        if self._cache is not None:
            answer = replace(answer, cached_tokens=self._cache.cached_tokens(call.request))
        if fault.kind in CONNECTION_KINDS:
            self._disturb(call, fault, answer, said.refusal)
        else:
            self._deliver(call, answer, said.refusal, self._latency)

    def _fail(self, call: _Call, fault: Step) -> None:
        status, kind, code, message = _STATUS_FAULTS[fault.kind]
        seconds = 1.0 if fault.kind == "429" and fault.seconds is None else fault.seconds
        headers = b"" if seconds is None else retry_after(seconds)
        body = encode_error(status, message, code, kind)
        send = partial(self._send, call.connection, status, body, headers)
        self._after(call.connection, self._latency, send)

    def _disturb(self, call: _Call, fault: Step, answer: ChatAnswer, refusal: str | None) -> None:
        if fault.kind == "slow":
            seconds = _SLOW_SECONDS if fault.seconds is None else fault.seconds
            self._deliver(call, answer, refusal, self._latency + seconds)
            return
        body = self._encoded(call, answer, refusal) if fault.kind == "reset" else b""
        seconds = self._latency
        if fault.kind == "hang":
            seconds = _HANG_SECONDS if fault.seconds is None else fault.seconds

        def break_off() -> None:
            self._stats.ended(fault.kind)
            if body:
                call.connection.cut(body)
            else:
                call.connection.drop()

        self._after(call.connection, seconds, break_off)

    # Real models.

    def _ask_thread(self, call: _Call) -> None:
        model = self._threaded[call.request.model]
        future = self._loop.run_in_executor(model.executor, model.answer, call.request)

        def left() -> None:
            future.cancel()
            self._stats.left()

        call.connection.on_left = left
        future.add_done_callback(partial(self._thought, call))

    def _thought(self, call: _Call, future: asyncio.Future[ChatAnswer]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._deliver(call, future.result(), None, self._latency)
        elif isinstance(error, RequestRefused):
            self._refuse(call.connection, error)
        else:
            self._break_down(call.connection, error)

    def _break_down(self, connection: Connection, error: BaseException) -> None:
        # The places only: the error's own text may quote the document.
        places = "".join(traceback.format_tb(error.__traceback__))
        _log.error("a call failed with %s\n%s", type(error).__name__, places)
        message = f"the model failed ({type(error).__name__}); see the server's log"
        self._send(connection, 500, encode_error(500, message))

    # To the socket.

    def _encoded(self, call: _Call, answer: ChatAnswer, refusal: str | None) -> bytes:
        request = call.request
        return encode_answer(
            call.number, request.model, answer, refusal=refusal, top=request.top_logprobs
        )

    def _deliver(
        self, call: _Call, answer: ChatAnswer, refusal: str | None, seconds: float
    ) -> None:
        if self._limits.active:
            used = answer.prompt_tokens + answer.completion_tokens
            self._limits.settle(used - call.estimate)
        body = self._encoded(call, answer, refusal)
        if seconds > 0:
            send = partial(self._send_answer, call, answer, body)
            self._after(call.connection, seconds, send)
        else:
            self._send_answer(call, answer, body)

    def _send_answer(self, call: _Call, answer: ChatAnswer, body: bytes) -> None:
        if self._send(call.connection, 200, body):
            self._stats.answered(
                call.documents,
                answer.prompt_tokens,
                answer.completion_tokens,
                answer.cached_tokens or 0,
            )

    def _refuse(self, connection: Connection, refusal: RequestRefused) -> None:
        body = encode_error(refusal.status, refusal.message, refusal.code)
        self._send(connection, refusal.status, body)

    def _send(self, connection: Connection, status: int, body: bytes, headers: bytes = b"") -> bool:
        if self._limits.active:
            headers += self._limits.headers(self._loop.time())
        connection.on_left = None
        if connection.reply(status, body, headers):
            self._stats.ended(str(status))
            return True
        self._stats.left()
        return False

    def _after(self, connection: Connection, seconds: float, act: Callable[[], object]) -> None:
        if seconds <= 0:
            act()
            return
        timer = self._loop.call_later(seconds, act)

        def left() -> None:
            timer.cancel()
            self._stats.left()

        connection.on_left = left


def retry_after(seconds: float) -> bytes:
    """Both forms OpenAI sends: seconds (a fraction where it is one) and milliseconds."""
    return f"retry-after: {seconds:g}\r\nretry-after-ms: {seconds * 1000:.0f}\r\n".encode()
