"""A provider's prompt cache, as OpenAI documents its own: what it would have read before.

A prompt's beginning is what goes before its last user message. Where it has 1,024 tokens or more
and was seen before, it is cached: 1,024, 1,152, 1,280 tokens and so on, in steps of 128. The schema
belongs to it, because a provider puts that in front of all messages.

Here: which tokens are cached. Not here: what they cost, nor how they are counted (`stub`).
"""

from __future__ import annotations

import hashlib

import orjson

from .model import ChatRequest, Message
from .stub import estimate_tokens

LEAST_TOKENS = 1024
STEP_TOKENS = 128


class PromptCache:
    """The beginnings that were seen since the server started; they never grow old."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def cached_tokens(self, request: ChatRequest) -> int:
        """How many tokens of the prompt are cached; from now on its beginning is."""
        beginning = _beginning(request)
        tokens = estimate_tokens(*(message.content for message in beginning))
        if tokens < LEAST_TOKENS:
            return 0
        said = orjson.dumps([request.model, request.schema, beginning])
        key = hashlib.sha256(said).digest()
        if key in self._seen:
            return tokens - tokens % STEP_TOKENS
        self._seen.add(key)
        return 0


def _beginning(request: ChatRequest) -> tuple[Message, ...]:
    """The messages before the last user message; none where there is no user message."""
    for place in range(len(request.messages) - 1, -1, -1):
        if request.messages[place].role == "user":
            return request.messages[:place]
    return ()
