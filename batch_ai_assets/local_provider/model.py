"""What a model is to the local server: a request in, an answer out, or a refusal.

Here: the types that cross the seam between the HTTP server and a model, and nothing of HTTP
beyond the status of a refusal. Not here: JSON (see `wire`), the models (see `stub` and `minilm/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is `system`, `developer`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion, decoded and checked in form."""

    model: str
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None
    """The JSON Schema of the answer (`response_format.json_schema.schema`), or None: free text."""
    max_tokens: int | None
    logprobs: bool
    top_logprobs: int


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of the answer, its natural log probability, and the runners-up."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...]
    """The most likely tokens at this place with their log probabilities, best first."""


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What a model answered."""

    content: str
    finish_reason: str
    """`stop`, or `length` where the answer was cut at `max_tokens`."""
    prompt_tokens: int
    completion_tokens: int
    tokens: tuple[TokenLogprob, ...] | None = None
    """Where log probabilities were asked for: tokens whose concatenation is exactly `content`."""
    cached_tokens: int | None = None
    """Of the prompt, what was cached; None where nobody looked: then the reply says nothing."""


class RequestRefused(Exception):  # noqa: N818 - what the provider says, not a defect of this package
    """A model does not take this request; the server answers it in OpenAI's error form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status, for example 400."""
        self.code = code
        """OpenAI's machine-readable code, for example `context_length_exceeded`."""
        self.message = message
        """What is wrong and what would be right; no document text."""


class ChatModel(Protocol):
    """A model that the local server can offer."""

    name: str
    """What a request names in `model`."""
    context_tokens: int
    """The longest request, tokens, answer included."""

    def answer(self, request: ChatRequest) -> ChatAnswer:
        """Answer one request. Called from a worker thread, one call at a time per model.

        Raises RequestRefused where the request cannot be answered (a schema it cannot fill, a
        prompt over the context).
        """
        ...
